"""`/py/ping`: answers `ping` with `pong`."""

from lithe_sdk import Hooks, Message, Socket, hooks


@hooks
class Ping(Hooks):
    def message(self, socket: Socket, message: Message) -> None:
        if message.data == "ping":
            socket.send("pong")

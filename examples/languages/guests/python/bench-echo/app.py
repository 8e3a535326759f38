"""`/py/bench/echo`: every message back unchanged, for measuring."""

from lithe_sdk import Hooks, Message, Socket, hooks


@hooks
class Echo(Hooks):
    def message(self, socket: Socket, message: Message) -> None:
        socket.send(message)

"""A WebSocket that greets and echoes, as events."""

from lithe_sdk import Hooks, Message, Socket, hooks


@hooks
class Echo(Hooks):
    def open(self, socket: Socket) -> None:
        socket.send("hello")

    def message(self, socket: Socket, message: Message) -> None:
        socket.send(message)

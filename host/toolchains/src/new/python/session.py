"""A WebSocket that greets and echoes, as a loop."""

from lithe_sdk import Socket, session


@session
def echo(socket: Socket) -> None:
    socket.send("hello")
    for message in socket:
        socket.send(message)

"""`/py/loop`: an echo as a blocking loop, in an instance of its own for each connection."""

from lithe_sdk import Socket, session


@session
def echo(socket: Socket) -> None:
    for message in socket:
        socket.send(message)

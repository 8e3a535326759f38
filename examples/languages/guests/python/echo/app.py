"""`/py/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP."""

from lithe_sdk import Event, Hooks, Message, Outcome, Response, Socket, hooks


@hooks
class Echo(Hooks):
    def upgrade(self, event: Event) -> Outcome:
        if not event.is_upgrade_request:
            return Response.json({"mode": "http"})
        return event.upgrade(protocol="chat" if "chat" in event.requested_protocols else None)

    def open(self, socket: Socket) -> None:
        socket.send("connected")

    def message(self, socket: Socket, message: Message) -> None:
        socket.send(message if message.is_binary else f"echo:{message.text()}")

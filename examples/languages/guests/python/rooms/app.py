"""`/py/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.

A room is a topic, and the host keeps its name with each socket: nothing lies in this component's memory.
"""

from lithe_sdk import Event, Hooks, Message, Outcome, Response, Socket, hooks, members, publish


@hooks
class Rooms(Hooks):
    def upgrade(self, event: Event) -> Outcome:
        room = event.params["id"]
        if not event.is_upgrade_request:
            return Response.json({"room": room, "members": len(members(room))})
        return event.upgrade(attachment=room.encode())

    def open(self, socket: Socket) -> None:
        socket.subscribe(socket.attachment.decode())

    def message(self, socket: Socket, message: Message) -> None:
        publish(socket.attachment.decode(), message)

"""The SDK over the host that `lithe_sdk.testing` plays."""

import io
import unittest
from contextlib import redirect_stderr

from lithe_sdk import Event, Hooks, HttpError, Message, Outcome, Response, Socket
from lithe_sdk import hooks, members, publish
from lithe_sdk._component import component
from lithe_sdk.testing import connect, request, reset


class Room(Hooks):
    def upgrade(self, event: Event) -> Outcome:
        room = event.params["id"]
        if not event.is_upgrade_request:
            return Response.json({"room": room, "members": len(members(room)), "q": event.query})
        if room == "closed":
            raise HttpError(403, "not today", {"x-why": "closed"})
        return event.upgrade(protocol="chat" if "chat" in event.requested_protocols else None,
                             attachment=room.encode())

    def open(self, socket: Socket) -> None:
        socket.subscribe(socket.attachment.decode())

    def message(self, socket: Socket, message: Message) -> None:
        if message.data == "fail":
            raise RuntimeError("as told")
        publish(socket.attachment.decode(), message)


class Rooms(unittest.TestCase):
    def setUp(self) -> None:
        component.clear()
        reset()
        hooks(Room)

    def test_a_room_hears_what_is_said_in_it(self) -> None:
        ann, bob, eve = (connect("/r", params={"id": id}) for id in ("1", "1", "2"))
        ann.send("hi", b"\x00")
        self.assertEqual((ann.sent, bob.sent, eve.sent), (["hi", b"\x00"], ["hi", b"\x00"], []))
        about = request("/r?a=1&a=2", params={"id": "1"})
        self.assertEqual(about.body, '{"room":"1","members":2,"q":{"a":["1","2"]}}')
        bob.close()
        self.assertEqual(len(members("1")), 1)

    def test_a_protocol_is_chosen(self) -> None:
        self.assertEqual(connect("/r", params={"id": "3"}, protocols=["chat"]).protocol, "chat")

    def test_an_http_error_is_the_answer(self) -> None:
        with self.assertRaises(HttpError) as caught:
            connect("/r", params={"id": "closed"})
        self.assertEqual((caught.exception.status, caught.exception.message), (403, "not today"))

    def test_any_other_exception_is_a_500_or_a_1011_with_a_traceback(self) -> None:
        with redirect_stderr(io.StringIO()) as log:
            self.assertEqual(request("/r").status, 500)
            client = connect("/r", params={"id": "4"})
            client.send("fail")
        self.assertEqual(client.closed, (1011, "RuntimeError: as told"))
        self.assertIn("KeyError: 'id'", log.getvalue())
        self.assertIn("as told", log.getvalue())


if __name__ == "__main__":
    unittest.main()

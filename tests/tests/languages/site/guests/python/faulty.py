import sys
import urllib.request

from lithe_sdk import Event, Hooks, HttpError, Message, Outcome, Response, Socket, hooks, set_timer


def misbehave() -> None:
    raise RuntimeError("as told")


@hooks
class Faulty(Hooks):
    def upgrade(self, event: Event) -> Outcome:
        if event.is_upgrade_request:
            return event.upgrade()
        how = event.query.get("how", [""])[0]
        if how == "fail":
            misbehave()
        if how == "exit":
            sys.exit("as told")
        if how == "teapot":
            raise HttpError(418, "short and stout")
        if how == "stream":
            return event.stream(203, [("content-type", "text/plain")])
        if how == "fetch":
            with urllib.request.urlopen("http://example.com/") as answer:
                return Response.text(answer.read().decode())
        if how == "import":
            import wave

            return Response.text(wave.__name__)
        if how == "print":
            print("printed without an end", end="")
        return Response.text("fine")

    def open(self, socket: Socket) -> None:
        assert socket.event is not None
        if socket.event.query.get("how") == ["stream"]:
            socket.send("one, ")
            socket.send(b"two")
            socket.close()

    def timer(self, timer: int) -> None:
        self.sleeper.send("slept")

    def message(self, socket: Socket, message: Message) -> None:
        if message.data == "sleep":
            self.sleeper = socket
            set_timer(0.02)
            return
        if message.data == "fail":
            misbehave()
        socket.send(message)

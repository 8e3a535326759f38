import sys

from lithe_sdk import Event, Hooks, HttpError, Message, Outcome, Response, Socket, hooks


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
        if how == "print":
            print("printed without an end", end="")
        return Response.text("fine")

    def message(self, socket: Socket, message: Message) -> None:
        if message.data == "fail":
            misbehave()
        socket.send(message)

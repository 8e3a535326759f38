"""Answers requests."""

from lithe_sdk import Event, Response, handler


@handler
def hello(event: Event) -> Response:
    return Response.text(f"Hello from {event.path}")

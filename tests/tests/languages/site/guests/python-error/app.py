from __future__ import annotations

from lithe_sdk import Event, HttpError, Response, error_handler


@error_handler
def page(event: Event, error: HttpError) -> Response | None:
    if error.status == 418:
        return None
    return Response.text(f"{error.status} at {event.path}: {error.message}", error.status)

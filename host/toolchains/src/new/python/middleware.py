"""Runs around every request of the site, and says so."""

from lithe_sdk import Event, Next, Outcome, middleware


@middleware
def seen(event: Event, next: Next) -> Outcome:
    return next().add_header("x-seen-by", "{name}")

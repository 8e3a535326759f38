//! Runs around every request of the site, and says so.

const lithe = @import("lithe");

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    const outcome = lithe.lithe_next(event);
    lithe.lithe_add_header(outcome, "x-seen-by", "{name}");
    return outcome;
}

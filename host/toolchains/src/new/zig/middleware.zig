//! Runs around every request of the site, and says so.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    const outcome = lithe.lithe_next(event);
    lithe.lithe_add_header(outcome, "x-seen-by", "{name}");
    return outcome;
}

test "adds its header, also to a failure" {
    const answer = lithe.lithe_ask(lithe.lithe_new_request("GET", "/"));
    try std.testing.expectEqual(404, lithe.lithe_answer_status(answer));
    try std.testing.expectEqualStrings("{name}", lithe.sliceOf(lithe.lithe_answer_header(answer, "x-seen-by")));
}

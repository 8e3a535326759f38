//! Answers requests.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    const path = lithe.sliceOf(lithe.lithe_path(event));
    var buffer: [256]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, "Hello from {s}", .{path}) catch {
        return lithe.lithe_failure(414, "the path is too long");
    };
    return lithe.lithe_respond_text(200, lithe.textOf(text));
}

test "says where it is asked from" {
    const answer = lithe.lithe_ask(lithe.lithe_new_request("GET", "/somewhere"));
    try std.testing.expectEqual(200, lithe.lithe_answer_status(answer));
    try std.testing.expectEqualStrings("Hello from /somewhere", lithe.sliceOf(lithe.lithe_answer_body(answer)));
}

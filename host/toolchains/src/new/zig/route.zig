//! Answers requests.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    const path = lithe.lithe_path(event);
    var buffer: [256]u8 = undefined;
    const text = std.fmt.bufPrint(&buffer, "Hello from {s}", .{path.data[0..path.size]}) catch {
        return lithe.lithe_failure(414, "the path is too long");
    };
    return lithe.lithe_respond(200, "text/plain; charset=utf-8", .{ .data = text.ptr, .size = text.len });
}

//! `/zig/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP.

const std = @import("std");
const lithe = @import("lithe");

const prefix = "echo:";

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    if (!lithe.lithe_is_upgrade_request(event)) {
        return lithe.lithe_respond(200, "application/json", lithe.lithe_str("{\"mode\":\"http\"}"));
    }
    var options = std.mem.zeroes(lithe.lithe_upgrade_options);
    if (lithe.lithe_offers_protocol(event, "chat")) options.protocol = "chat";
    return lithe.lithe_upgrade(event, &options);
}

export fn lithe_on_open(socket: lithe.lithe_socket) void {
    _ = lithe.lithe_send_text(socket, lithe.lithe_str("connected"));
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    if (message.is_binary) {
        _ = lithe.lithe_send(socket, message);
        return;
    }
    const content = message.content.data[0..message.content.size];
    const reply = std.mem.concat(std.heap.c_allocator, u8, &.{ prefix, content }) catch @panic("no memory");
    defer std.heap.c_allocator.free(reply);
    _ = lithe.lithe_send_text(socket, .{ .data = reply.ptr, .size = reply.len });
}

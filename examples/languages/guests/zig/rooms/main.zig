//! `/zig/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
//!
//! A room is a topic, and the host keeps its name with each socket: nothing lies in this component's
//! memory.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    const room = lithe.lithe_param(event, "id");
    if (lithe.lithe_is_upgrade_request(event)) {
        var options = std.mem.zeroes(lithe.lithe_upgrade_options);
        options.attachment = room;
        return lithe.lithe_upgrade(event, &options);
    }
    const members = lithe.lithe_members(room, null);
    const about = .{ .room = room.data[0..room.size], .members = members };
    const json = std.json.Stringify.valueAlloc(std.heap.c_allocator, about, .{}) catch @panic("no memory");
    defer std.heap.c_allocator.free(json);
    return lithe.lithe_respond(200, "application/json", .{ .data = json.ptr, .size = json.len });
}

export fn lithe_on_open(socket: lithe.lithe_socket) void {
    if (!lithe.lithe_subscribe(socket, lithe.lithe_attachment(socket))) {
        lithe.lithe_fail(socket, "the room's name is too long for a topic");
    }
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    _ = lithe.lithe_publish(lithe.lithe_attachment(socket), message, lithe.LITHE_NOBODY);
}

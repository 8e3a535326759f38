//! A WebSocket that greets and echoes, as events.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_open(socket: lithe.lithe_socket) void {
    _ = lithe.lithe_send_text(socket, lithe.textOf("hello"));
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    _ = lithe.lithe_send(socket, message);
}

test "greets and echoes" {
    const client = lithe.lithe_connect_to("/");
    try std.testing.expect(lithe.lithe_client_hears(client, "hello"));
    lithe.lithe_client_say(client, "one");
    try std.testing.expect(lithe.lithe_client_hears(client, "one"));
}

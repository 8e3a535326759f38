//! A WebSocket that greets and echoes, as a loop.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_session(socket: lithe.lithe_socket) void {
    _ = lithe.lithe_send_text(socket, lithe.textOf("hello"));
    var message = std.mem.zeroes(lithe.lithe_message);
    while (lithe.lithe_receive(socket, &message)) _ = lithe.lithe_send(socket, message);
}

test "greets and echoes" {
    const client = lithe.lithe_connect_to("/");
    lithe.lithe_client_say(client, "one");
    // The session runs when the client is done.
    lithe.lithe_client_close(client, 1000, "");
    try std.testing.expect(lithe.lithe_client_hears(client, "hello"));
    try std.testing.expect(lithe.lithe_client_hears(client, "one"));
}

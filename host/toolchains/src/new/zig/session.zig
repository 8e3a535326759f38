//! A WebSocket that greets and echoes, as a loop.

const std = @import("std");
const lithe = @import("lithe");

export fn lithe_on_session(socket: lithe.lithe_socket) void {
    _ = lithe.lithe_send_text(socket, lithe.lithe_str("hello"));
    var message = std.mem.zeroes(lithe.lithe_message);
    while (lithe.lithe_receive(socket, &message)) _ = lithe.lithe_send(socket, message);
}

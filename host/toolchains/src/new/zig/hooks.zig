//! A WebSocket that greets and echoes, as events.

const lithe = @import("lithe");

export fn lithe_on_open(socket: lithe.lithe_socket) void {
    _ = lithe.lithe_send_text(socket, lithe.lithe_str("hello"));
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    _ = lithe.lithe_send(socket, message);
}

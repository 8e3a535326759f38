//! `/zig/ping`: answers `ping` with `pong`.

const lithe = @import("lithe");

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    if (!message.is_binary and lithe.lithe_is(message.content, "ping")) {
        _ = lithe.lithe_send_text(socket, lithe.lithe_str("pong"));
    }
}

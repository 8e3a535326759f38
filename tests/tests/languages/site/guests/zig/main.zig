const std = @import("std");
const lithe = @import("lithe");

fn misbehave() noreturn {
    @panic("as told");
}

export fn lithe_on_request(event: ?*lithe.lithe_event) ?*lithe.lithe_outcome {
    if (lithe.lithe_is_upgrade_request(event)) return lithe.lithe_upgrade(event, null);
    const query = lithe.lithe_query(event);
    if (lithe.lithe_is(query, "how=fail")) misbehave();
    if (lithe.lithe_is(query, "how=teapot")) return lithe.lithe_failure(418, "short and stout");
    if (lithe.lithe_is(query, "how=stream")) return lithe.lithe_stream(event, 203, "text/plain", null);
    if (lithe.lithe_is(query, "how=print")) std.debug.print("printed without an end", .{});
    return lithe.lithe_respond(200, "text/plain", lithe.lithe_str("fine"));
}

export fn lithe_on_open(socket: lithe.lithe_socket) void {
    const event = lithe.lithe_event_of(socket);
    if (!lithe.lithe_is(lithe.lithe_query(event), "how=stream")) return;
    _ = lithe.lithe_send_text(socket, lithe.lithe_str("one, "));
    _ = lithe.lithe_send_binary(socket, lithe.lithe_str("two"));
    _ = lithe.lithe_close(socket, 1000, null);
}

var sleeper: lithe.lithe_socket = undefined;

export fn lithe_on_timer(_: u32) void {
    _ = lithe.lithe_send_text(sleeper, lithe.lithe_str("slept"));
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    if (lithe.lithe_is(message.content, "sleep")) {
        sleeper = socket;
        if (lithe.lithe_set_timer(20, false) == 0) lithe.lithe_fail(socket, "there is no timer");
        return;
    }
    if (lithe.lithe_is(message.content, "fail")) misbehave();
    _ = lithe.lithe_send(socket, message);
}

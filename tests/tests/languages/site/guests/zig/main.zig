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
    if (lithe.lithe_is(query, "how=print")) std.debug.print("printed without an end", .{});
    return lithe.lithe_respond(200, "text/plain", lithe.lithe_str("fine"));
}

export fn lithe_on_message(socket: lithe.lithe_socket, message: lithe.lithe_message) void {
    if (lithe.lithe_is(message.content, "fail")) misbehave();
    _ = lithe.lithe_send(socket, message);
}

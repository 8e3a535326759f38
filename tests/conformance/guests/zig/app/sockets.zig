//! `/live` and `/rooms/:id`: the app's sockets.

const std = @import("std");
const lithe = @import("lithe");
const tally = @import("tally.zig");

const allocator = std.heap.c_allocator;
const Socket = lithe.lithe_socket;

fn send(socket: Socket, text: []const u8) void {
    _ = lithe.lithe_send_text(socket, lithe.textOf(text));
}

/// Sends what is made of a format, unless memory is lacking: that is a trap.
fn sendAs(socket: Socket, comptime format: []const u8, values: anytype) void {
    const text = std.fmt.allocPrint(allocator, format, values) catch @panic("no memory");
    defer allocator.free(text);
    send(socket, text);
}

// ---- `/live` -----------------------------------------------------------------------------------

pub const live: lithe.lithe_hooks = .{ .open = openLive, .message = hearLive };

fn openLive(socket: Socket) callconv(.c) void {
    _ = lithe.lithe_subscribe(socket, lithe.textOf("votes"));
    const votes = tally.toJson() catch @panic("no memory");
    defer allocator.free(votes);
    send(socket, votes);
}

fn hearLive(socket: Socket, message: lithe.lithe_message) callconv(.c) void {
    if (message.is_binary) {
        _ = lithe.lithe_send(socket, message);
        return;
    }
    hear(socket, lithe.sliceOf(message.content)) catch |failure| {
        lithe.lithe_fail(socket, @errorName(failure));
    };
}

const Name = struct { name: []const u8 = "" };

fn hear(socket: Socket, text: []const u8) !void {
    const Word = enum { who, topics, @"name?", tick, count, close, fail, buffered };
    if (std.mem.cutPrefix(u8, text, "name:")) |name| {
        const json = try std.json.Stringify.valueAlloc(allocator, Name{ .name = name }, .{});
        defer allocator.free(json);
        if (!lithe.lithe_set_attachment(socket, lithe.textOf(json))) return error.NameTooLong;
        return send(socket, "ok");
    }
    if (std.mem.cutPrefix(u8, text, "say:")) |said| {
        const message: lithe.lithe_message = .{ .content = lithe.textOf(said) };
        return sendAs(socket, "{d}", .{lithe.lithe_publish(lithe.textOf("votes"), message, socket)});
    }
    switch (std.meta.stringToEnum(Word, text) orelse return sendAs(socket, "echo:{s}", .{text})) {
        .who => sendAs(socket, "{d}", .{lithe.lithe_members(lithe.textOf("votes"), null)}),
        .topics => try sayTopics(socket),
        .@"name?" => try sayName(socket),
        .tick => _ = lithe.lithe_after(50, tock, @ptrFromInt(socket)),
        .count => try beginToCount(socket),
        .close => _ = lithe.lithe_close(socket, 4001, "bye"),
        .fail => return error.AsTold,
        .buffered => sendAs(socket, "{d}", .{lithe.lithe_buffered_amount(socket)}),
    }
}

fn sayTopics(socket: Socket) !void {
    var topics: [*c]const lithe.lithe_text = undefined;
    const count = lithe.lithe_subscriptions(socket, &topics);
    var names: std.ArrayList([]const u8) = .empty;
    defer names.deinit(allocator);
    for (topics[0..count]) |topic| try names.append(allocator, lithe.sliceOf(topic));
    const all = try std.mem.join(allocator, ",", names.items);
    defer allocator.free(all);
    send(socket, all);
}

fn sayName(socket: Socket) !void {
    const attachment = lithe.sliceOf(lithe.lithe_attachment(socket));
    if (attachment.len == 0) return send(socket, "");
    const kept = try std.json.parseFromSlice(Name, allocator, attachment, .{});
    defer kept.deinit();
    send(socket, kept.value.name);
}

fn tock(_: u32, data: ?*anyopaque) callconv(.c) void {
    send(@intCast(@intFromPtr(data)), "tock");
}

const Counter = struct { socket: Socket, count: u32 = 0 };

fn beginToCount(socket: Socket) !void {
    const counter = try allocator.create(Counter);
    counter.* = .{ .socket = socket };
    _ = lithe.lithe_every(20, countOn, counter);
}

fn countOn(timer: u32, data: ?*anyopaque) callconv(.c) void {
    const counter: *Counter = @ptrCast(@alignCast(data));
    counter.count += 1;
    sendAs(counter.socket, "{d}", .{counter.count});
    if (counter.count < 3) return;
    lithe.lithe_cancel_timer(timer);
    allocator.destroy(counter);
}

export fn lithe_on_resume(socket: Socket) void {
    if (lithe.lithe_hooks_of(socket) == &live) send(socket, "resumed");
}

// ---- `/rooms/:id` ------------------------------------------------------------------------------

pub const rooms: lithe.lithe_hooks = .{ .upgrade = enterRoom, .open = openRoom, .message = hearRoom };

fn enterRoom(event: ?*lithe.lithe_event) callconv(.c) ?*lithe.lithe_outcome {
    var options: lithe.lithe_upgrade_options = .{ .attachment = lithe.lithe_param(event, "id") };
    if (lithe.lithe_offers_protocol(event, "chat")) options.protocol = "chat";
    return lithe.lithe_upgrade(event, &options);
}

fn topicOf(socket: Socket) lithe.lithe_text {
    return lithe.lithe_format("room:%s", lithe.lithe_attachment(socket).data);
}

fn openRoom(socket: Socket) callconv(.c) void {
    if (!lithe.lithe_subscribe(socket, topicOf(socket))) {
        return lithe.lithe_fail(socket, "the room's name is too long for a topic");
    }
    sendAs(socket, "room {s}", .{lithe.sliceOf(lithe.lithe_attachment(socket))});
}

fn hearRoom(socket: Socket, message: lithe.lithe_message) callconv(.c) void {
    _ = lithe.lithe_publish(topicOf(socket), message, lithe.LITHE_NOBODY);
}

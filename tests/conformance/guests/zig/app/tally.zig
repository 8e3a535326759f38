//! The votes: how many each option has.

const std = @import("std");

const allocator = std.heap.c_allocator;

/// In the order of the options.
var options: std.ArrayList(Option) = .empty;

const Option = struct { name: []const u8, votes: i64 };

/// Adds votes for an option.
pub fn add(name: []const u8, votes: i64) !void {
    var at: usize = 0;
    while (at < options.items.len and std.mem.order(u8, options.items[at].name, name) == .lt) at += 1;
    if (at == options.items.len or !std.mem.eql(u8, options.items[at].name, name)) {
        const copy = try allocator.dupe(u8, name);
        errdefer allocator.free(copy);
        try options.insert(allocator, at, .{ .name = copy, .votes = 0 });
    }
    options.items[at].votes += votes;
}

/// The votes as a JSON object, for the caller to free.
pub fn toJson() ![]u8 {
    var writer: std.Io.Writer.Allocating = .init(allocator);
    errdefer writer.deinit();
    var json: std.json.Stringify = .{ .writer = &writer.writer };
    try json.beginObject();
    for (options.items) |option| {
        try json.objectField(option.name);
        try json.write(option.votes);
    }
    try json.endObject();
    return writer.toOwnedSlice();
}

/// Adds the votes of such an object.
pub fn addJson(text: []const u8) !void {
    const saved = try std.json.parseFromSlice(std.json.ArrayHashMap(i64), allocator, text, .{});
    defer saved.deinit();
    var entries = saved.value.map.iterator();
    while (entries.next()) |entry| try add(entry.key_ptr.*, entry.value_ptr.*);
}

/// Forgets all votes.
pub fn clear() void {
    for (options.items) |option| allocator.free(option.name);
    options.clearAndFree(allocator);
}

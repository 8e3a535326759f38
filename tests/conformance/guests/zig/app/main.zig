//! The app of `tests/src/conformance/app.rs`, in Zig.

const std = @import("std");
const lithe = @import("lithe");
const sockets = @import("sockets.zig");
const tally = @import("tally.zig");

const allocator = std.heap.c_allocator;
const Event = ?*lithe.lithe_event;
const Outcome = ?*lithe.lithe_outcome;

/// An answer of JSON.
fn respondJson(value: anytype) Outcome {
    const json = std.json.Stringify.valueAlloc(allocator, value, .{}) catch @panic("no memory");
    defer allocator.free(json);
    return lithe.lithe_respond_json(200, lithe.textOf(json));
}

fn respondText(text: []const u8) Outcome {
    return lithe.lithe_respond_text(200, lithe.textOf(text));
}

// ---- Votes -------------------------------------------------------------------------------------

fn votes() []u8 {
    return tally.toJson() catch @panic("no memory");
}

fn tellVotes(_: Event) callconv(.c) Outcome {
    const json = votes();
    defer allocator.free(json);
    return lithe.lithe_respond_json(200, lithe.textOf(json));
}

fn vote(event: Event) callconv(.c) Outcome {
    tally.add(lithe.sliceOf(lithe.lithe_param(event, "option")), 1) catch @panic("no memory");
    const json = votes();
    defer allocator.free(json);
    const message: lithe.lithe_message = .{ .content = lithe.textOf(json) };
    _ = lithe.lithe_publish(lithe.textOf("votes"), message, lithe.LITHE_NOBODY);
    return tellVotes(event);
}

var saving_fails = false;

fn setSaving(event: Event) callconv(.c) Outcome {
    saving_fails = std.mem.eql(u8, lithe.sliceOf(lithe.lithe_param(event, "how")), "fails");
    return respondText("ok");
}

export fn lithe_on_save(saved: *lithe.lithe_text) ?[*:0]const u8 {
    if (saving_fails) return "cannot save, as told";
    const json = votes();
    defer allocator.free(json);
    saved.* = lithe.lithe_copy(lithe.textOf(json));
    return null;
}

export fn lithe_on_restore(saved: lithe.lithe_text) ?[*:0]const u8 {
    tally.addJson(lithe.sliceOf(saved)) catch return "what was saved is not a tally";
    return null;
}

export fn lithe_on_health() ?[*:0]const u8 {
    const sick = std.c.getenv("SICK") orelse return null;
    return if (sick[0] == 0) null else lithe.lithe_format("sick: %s", sick).data;
}

// ---- What a request says -----------------------------------------------------------------------

fn tellEnvironment(event: Event) callconv(.c) Outcome {
    const value = std.c.getenv(@ptrCast(lithe.lithe_param(event, "name").data));
    return if (value) |found| respondText(std.mem.span(found)) else lithe.lithe_failure(404, "Not Found");
}

fn item(event: Event) callconv(.c) Outcome {
    var id: i64 = undefined;
    if (lithe.lithe_param_integer(event, "id", &id)) |refused| return refused;
    return respondJson(.{ .id = id });
}

fn query(event: Event) callconv(.c) Outcome {
    var n: i64 = undefined;
    if (lithe.lithe_query_integer(event, "n", &n)) |refused| return refused;
    return respondJson(.{ .n = n, .name = lithe.sliceOf(lithe.lithe_query_param(event, "name")) });
}

fn cookies(event: Event) callconv(.c) Outcome {
    const outcome = lithe.lithe_respond_text(200, lithe.lithe_cookie(event, "a"));
    lithe.lithe_set_cookie(outcome, &.{
        .name = "b",
        .value = "2",
        .path = "/",
        .max_age = 60,
        .same_site = lithe.LITHE_SAME_SITE_LAX,
        .http_only = true,
    });
    return outcome;
}

fn form(event: Event) callconv(.c) Outcome {
    var name: lithe.lithe_text = undefined;
    var age: i64 = undefined;
    if (lithe.lithe_form_text(event, "name", &name)) |refused| return refused;
    if (lithe.lithe_form_integer(event, "age", &age)) |refused| return refused;
    return respondJson(.{ .age = age, .name = lithe.sliceOf(name) });
}

fn readJson(event: Event) callconv(.c) Outcome {
    var body: lithe.lithe_json = undefined;
    var name: lithe.lithe_text = undefined;
    if (lithe.lithe_json_body(event, &body)) |refused| return refused;
    if (!lithe.lithe_json_string(lithe.lithe_json_field(body, "name"), &name)) {
        return lithe.lithe_failure(400, "field `name` is missing, or not a string");
    }
    return lithe.lithe_respond_text(200, name);
}

fn half(event: Event) callconv(.c) Outcome {
    var body: lithe.lithe_json = undefined;
    var n: f64 = undefined;
    if (lithe.lithe_json_body(event, &body)) |refused| return refused;
    if (!lithe.lithe_json_number(lithe.lithe_json_field(body, "n"), &n)) {
        return lithe.lithe_failure(400, "field `n` is missing, or not a number");
    }
    return respondJson(.{ .half = n / 2 });
}

fn countValues(value: lithe.lithe_json) usize {
    var all: usize = 1;
    var at: usize = 0;
    var name: lithe.lithe_text = undefined;
    var inner: lithe.lithe_json = undefined;
    while (lithe.lithe_json_next_item(value, &at, &inner)) all += countValues(inner);
    while (lithe.lithe_json_next_field(value, &at, &name, &inner)) all += countValues(inner);
    return all;
}

fn count(event: Event) callconv(.c) Outcome {
    var body: lithe.lithe_json = undefined;
    var limit: i64 = undefined;
    if (lithe.lithe_to_integer(lithe.lithe_query_param(event, "limit"), &limit)) {
        lithe.lithe_limit_body(event, @intCast(limit));
    }
    if (lithe.lithe_json_body(event, &body)) |refused| return refused;
    var digits: [20]u8 = undefined;
    return respondText(std.fmt.bufPrint(&digits, "{d}", .{countValues(body)}) catch unreachable);
}

fn see(event: Event) callconv(.c) Outcome {
    lithe.lithe_set_local(event, "seen", lithe.textOf("yes"));
    return lithe.lithe_next(event);
}

fn local(event: Event) callconv(.c) Outcome {
    return lithe.lithe_respond_text(200, lithe.lithe_local(event, "seen"));
}

// ---- Other answers -----------------------------------------------------------------------------

fn ok(_: Event) callconv(.c) Outcome {
    return respondText("ok");
}

fn in(_: Event) callconv(.c) Outcome {
    return respondText("in");
}

fn redirect(event: Event) callconv(.c) Outcome {
    const to = lithe.lithe_query_param(event, "to");
    return lithe.lithe_redirect(303, to.data orelse "/votes");
}

fn throw(_: Event) callconv(.c) Outcome {
    return lithe.lithe_fault("secret detail");
}

fn refuse(_: Event) callconv(.c) Outcome {
    return lithe.lithe_failure(418, "teapot");
}

fn catchTeapot(_: Event, failure: lithe.lithe_error) callconv(.c) Outcome {
    if (failure.status != 418) return null;
    const caught = lithe.lithe_format("caught: %s", failure.message.data);
    const outcome = lithe.lithe_respond_text(418, caught);
    lithe.lithe_add_header(outcome, "x-caught", "yes");
    return outcome;
}

fn events(event: Event) callconv(.c) Outcome {
    var socket: lithe.lithe_socket = undefined;
    const outcome = lithe.lithe_event_stream(event, &socket);
    if (lithe.lithe_is_failure(outcome)) return outcome;
    for ([_][]const u8{ "1", "2", "3" }) |number| {
        _ = lithe.lithe_send_event(socket, &.{ .data = lithe.textOf(number) });
    }
    _ = lithe.lithe_close(socket, 1000, null);
    return outcome;
}

/// Sends what the body of `/stream` is made of, once the head is sent.
const letters: lithe.lithe_hooks = .{ .open = sendLetters };

fn sendLetters(socket: lithe.lithe_socket) callconv(.c) void {
    for ([_][]const u8{ "a", "b", "c" }) |letter| {
        _ = lithe.lithe_send_text(socket, lithe.textOf(letter));
    }
    _ = lithe.lithe_close(socket, 1000, null);
}

fn stream(event: Event) callconv(.c) Outcome {
    return lithe.lithe_stream(event, 200, "text/plain", null);
}

// ---- Middleware --------------------------------------------------------------------------------

fn onlyWithToken(event: Event) callconv(.c) Outcome {
    const tokens = [_][*c]const u8{ "secret", null };
    return lithe.lithe_bearer_auth(event, &tokens);
}

fn onlyUsers(event: Event) callconv(.c) Outcome {
    const users = [_]lithe.lithe_user{ .{ .name = "ann", .password = "pw" }, .{} };
    return lithe.lithe_basic_auth(event, "basic", &users);
}

fn onlyWithSecret(event: Event) callconv(.c) Outcome {
    const tokens = [_][*c]const u8{ std.c.getenv("TOKEN"), null };
    return lithe.lithe_bearer_auth(event, &tokens);
}

fn onlyWithPassword(event: Event) callconv(.c) Outcome {
    const users = [_]lithe.lithe_user{
        .{ .name = "ann", .password = std.c.getenv("TOKEN") },
        .{ .name = "bob", .password = std.c.getenv("MISSING") },
        .{ .name = null, .password = null },
    };
    return lithe.lithe_basic_auth(event, "safe", &users);
}

fn nothing(_: Event) callconv(.c) Outcome {
    return null;
}

fn forget(event: Event) callconv(.c) Outcome {
    _ = lithe.lithe_next(event);
    return null;
}

fn cors(event: Event) callconv(.c) Outcome {
    const origins = [_][*c]const u8{ "https://app.example", null };
    return lithe.lithe_cors(event, &.{ .origins = &origins, .methods = "PUT" });
}

fn sameOrigin(event: Event) callconv(.c) Outcome {
    return lithe.lithe_same_origin(event, null);
}

/// A middleware that leaves its name in a header.
fn mark(comptime name: [:0]const u8) lithe.lithe_handler {
    return struct {
        fn run(event: Event) callconv(.c) Outcome {
            const outcome = lithe.lithe_next(event);
            lithe.lithe_add_header(outcome, "x-order", name);
            return outcome;
        }
    }.run;
}

// ---- Routes ------------------------------------------------------------------------------------

export fn lithe_on_app(app: ?*lithe.lithe_app) void {
    lithe.lithe_use(app, see);
    lithe.lithe_catch(app, catchTeapot);

    lithe.lithe_post(app, "/votes/:option", vote);
    lithe.lithe_get(app, "/votes", tellVotes);
    lithe.lithe_post(app, "/saving/:how", setSaving);
    lithe.lithe_ws(app, "/live", &sockets.live);
    lithe.lithe_ws(app, "/rooms/:id", &sockets.rooms);
    lithe.lithe_get(app, "/env/:name", tellEnvironment);
    lithe.lithe_get(app, "/item/:id", item);
    lithe.lithe_get(app, "/query", query);
    lithe.lithe_get(app, "/cookies", cookies);
    lithe.lithe_post(app, "/form", form);
    lithe.lithe_post(app, "/json", readJson);
    lithe.lithe_post(app, "/half", half);
    lithe.lithe_post(app, "/count", count);
    lithe.lithe_get(app, "/local", local);
    lithe.lithe_get(app, "/redirect", redirect);
    lithe.lithe_get(app, "/throw", throw);
    lithe.lithe_get(app, "/refuse", refuse);
    lithe.lithe_get(app, "/events", events);
    lithe.lithe_get(app, "/stream", stream);
    lithe.lithe_streams(app, "/stream", &letters);
    lithe.lithe_get(app, "/other-method", ok);

    const admin = lithe.lithe_group(app, "/admin");
    lithe.lithe_use(admin, onlyWithToken);
    lithe.lithe_get(admin, "/who", in);

    const basic = lithe.lithe_group(app, "/basic");
    lithe.lithe_use(basic, onlyUsers);
    lithe.lithe_get(basic, "/who", in);

    const vault = lithe.lithe_group(app, "/vault");
    lithe.lithe_use(vault, onlyWithSecret);
    lithe.lithe_get(vault, "/who", in);

    const safe = lithe.lithe_group(app, "/safe");
    lithe.lithe_use(safe, onlyWithPassword);
    lithe.lithe_get(safe, "/who", in);

    lithe.lithe_get(app, "/nothing", nothing);
    const forgotten = lithe.lithe_group(app, "/nothing/around");
    lithe.lithe_use(forgotten, forget);
    lithe.lithe_get(forgotten, "/", ok);

    const shared = lithe.lithe_group(app, "/cors");
    lithe.lithe_use(shared, cors);
    lithe.lithe_put(shared, "/x", ok);
    lithe.lithe_options(shared, "/x", ok);

    const own = lithe.lithe_group(app, "/origin");
    lithe.lithe_use(own, sameOrigin);
    lithe.lithe_ws(own, "/live", &sockets.live);

    const traced = lithe.lithe_group(app, "/traced");
    lithe.lithe_use(traced, lithe.lithe_request_id);
    lithe.lithe_use(traced, lithe.lithe_timing);
    lithe.lithe_get(traced, "/x", ok);

    const outer = lithe.lithe_group(app, "/outer");
    lithe.lithe_use(outer, mark("outer"));
    const inner = lithe.lithe_group(outer, "/inner");
    lithe.lithe_use(inner, mark("inner"));
    lithe.lithe_get(inner, "/x", ok);
}

// ---- Tests -------------------------------------------------------------------------------------

fn expectAnswer(method: [:0]const u8, uri: [:0]const u8, status: c_int, body: []const u8) !void {
    const answer = lithe.lithe_ask(lithe.lithe_new_request(method, uri));
    try std.testing.expectEqualStrings(body, lithe.sliceOf(lithe.lithe_answer_body(answer)));
    try std.testing.expectEqual(status, lithe.lithe_answer_status(answer));
}

test "the tally and the sockets move" {
    const client = lithe.lithe_connect_to("/live");
    try expectAnswer("POST", "/votes/tea", 200, "{\"tea\":1}");
    _ = lithe.lithe_client_read(client);
    const begin = struct {
        fn begin() callconv(.c) void {
            tally.clear();
        }
    }.begin;
    try std.testing.expect(lithe.lithe_swap(begin) == null);
    try std.testing.expect(lithe.lithe_client_hears(client, "resumed"));
    try expectAnswer("POST", "/votes/tea", 200, "{\"tea\":2}");
    try std.testing.expect(lithe.lithe_client_hears(client, "{\"tea\":2}"));
    tally.clear();
}

test "time stands still until it is moved" {
    const client = lithe.lithe_connect_to("/live");
    _ = lithe.lithe_client_read(client);
    lithe.lithe_client_say(client, "count");
    lithe.lithe_advance(40);
    try std.testing.expect(lithe.lithe_client_hears(client, "1"));
    try std.testing.expect(lithe.lithe_client_hears(client, "2"));
    lithe.lithe_advance(1000);
    try std.testing.expect(lithe.lithe_client_hears(client, "3"));
    try std.testing.expectEqual(0, lithe.lithe_timers());
}

test "what a client gets wrong is named" {
    try expectAnswer("GET", "/item/x", 400, "parameter `id` is `x`: not an integer");
    try expectAnswer("GET", "/query?n=5&name=a+b", 200, "{\"n\":5,\"name\":\"a b\"}");
    try expectAnswer("GET", "/admin/who", 401, "Unauthorized");
    try expectAnswer("GET", "/refuse", 418, "caught: teapot");
}

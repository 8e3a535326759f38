/* An app whose sockets have blocking sessions: see `tests/src/conformance/loops.rs`. */

#include "lithe.h"

static lithe_outcome *marked(lithe_event *event, const char *name) {
  lithe_outcome *outcome = lithe_next(event);
  lithe_add_header(outcome, "x-order", name);
  return outcome;
}

static lithe_outcome *mark_app(lithe_event *event) { return marked(event, "app"); }

static lithe_outcome *mark_rooms(lithe_event *event) { return marked(event, "rooms"); }

static lithe_outcome *plain(lithe_event *event) {
  (void)event;
  return lithe_respond_text(200, lithe_str("plain"));
}

static lithe_outcome *counts(lithe_event *event) {
  if (lithe_is_upgrade_request(event)) return lithe_upgrade(event, NULL);
  return lithe_respond_text(200, lithe_str("counts"));
}

static lithe_outcome *members(lithe_event *event) {
  return lithe_respond_text(200, lithe_format("members of %s", lithe_param(event, "id").data));
}

static lithe_outcome *enter(lithe_event *event) {
  if (lithe_is(lithe_param(event, "id"), "closed")) {
    return lithe_failure(403, "this room is closed");
  }
  bool offers_chat = lithe_offers_protocol(event, "chat");
  return lithe_upgrade(event, &(lithe_upgrade_options){.protocol = offers_chat ? "chat" : NULL});
}

void lithe_on_app(lithe_app *app) {
  lithe_use(app, mark_app);
  lithe_get(app, "/plain", plain);
  lithe_get(app, "/count", counts);
  lithe_app *rooms = lithe_group(app, "/rooms");
  lithe_use(rooms, mark_rooms);
  lithe_get(rooms, "/:id/members", members);
  lithe_get(rooms, "/:id", enter);
}

static int count;

static void count_messages(lithe_socket socket) {
  lithe_message message;
  while (lithe_receive(socket, &message)) {
    if (lithe_is(message.content, "end")) return;
    if (lithe_is(message.content, "fail")) return lithe_fail(socket, "as told");
    count++;
    lithe_send_text(socket, lithe_format("%d", count));
  }
}

static void greet_and_echo(lithe_socket socket) {
  lithe_text room = lithe_param(lithe_event_of(socket), "id");
  lithe_send_text(socket, lithe_format("room %s", room.data));
  lithe_message message;
  while (lithe_receive(socket, &message)) lithe_send(socket, message);
}

void lithe_on_session(lithe_socket socket) {
  bool counts = lithe_is(lithe_route(lithe_event_of(socket)), "/count");
  return counts ? count_messages(socket) : greet_and_echo(socket);
}

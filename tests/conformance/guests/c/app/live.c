#include "live.h"

#include <stdlib.h>

#include "tally.h"

/* ---- `/live` --------------------------------------------------------------------------------- */

static void send(lithe_socket socket, const char *text) {
  lithe_send_text(socket, lithe_str(text));
}

static void open_live(lithe_socket socket) {
  lithe_subscribe(socket, lithe_str("votes"));
  lithe_send_text(socket, tally_json());
}

static void tock(uint32_t timer, void *data) {
  (void)timer;
  send((lithe_socket)(uintptr_t)data, "tock");
}

typedef struct counter {
  lithe_socket socket;
  int count;
} counter;

static void count_on(uint32_t timer, void *data) {
  counter *counter = data;
  counter->count++;
  lithe_send_text(counter->socket, lithe_format("%d", counter->count));
  if (counter->count < 3) return;
  lithe_cancel_timer(timer);
  free(counter);
}

static void begin_to_count(lithe_socket socket) {
  counter *made = malloc(sizeof *made);
  if (!made) abort();
  *made = (counter){socket, 0};
  lithe_every(20, count_on, made);
}

static void say_topics(lithe_socket socket) {
  const lithe_text *topics;
  size_t count = lithe_subscriptions(socket, &topics);
  lithe_text all = lithe_str("");
  for (size_t i = 0; i < count; i++) {
    all = lithe_format("%s%s%s", all.data, i ? "," : "", topics[i].data);
  }
  lithe_send_text(socket, all);
}

static void keep_name(lithe_socket socket, lithe_text name) {
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  lithe_write_name(json, lithe_str("name"));
  lithe_write_string(json, name);
  lithe_write_end(json);
  if (!lithe_set_attachment(socket, lithe_written(json))) {
    lithe_fail(socket, "the name is too long for an attachment");
    return;
  }
  send(socket, "ok");
}

static void say_name(lithe_socket socket) {
  lithe_json kept = lithe_json_read(lithe_attachment(socket));
  lithe_text name = lithe_str("");
  lithe_json_string(lithe_json_field(kept, "name"), &name);
  lithe_send_text(socket, name);
}

/* What stands behind a prefix. */
static lithe_text behind(lithe_text text, const char *prefix) {
  return (lithe_text){text.data + strlen(prefix), text.size - strlen(prefix)};
}

static void hear_live(lithe_socket socket, lithe_message message) {
  lithe_text text = message.content;
  if (message.is_binary) {
    lithe_send(socket, message);
  } else if (lithe_is(text, "who")) {
    size_t count = lithe_members(lithe_str("votes"), NULL);
    lithe_send_text(socket, lithe_format("%zu", count));
  } else if (lithe_is(text, "topics")) {
    say_topics(socket);
  } else if (lithe_begins_with(text, "name:")) {
    keep_name(socket, behind(text, "name:"));
  } else if (lithe_is(text, "name?")) {
    say_name(socket);
  } else if (lithe_is(text, "tick")) {
    lithe_after(50, tock, (void *)(uintptr_t)socket);
  } else if (lithe_is(text, "count")) {
    begin_to_count(socket);
  } else if (lithe_begins_with(text, "say:")) {
    lithe_message said = {behind(text, "say:"), false};
    lithe_send_text(socket, lithe_format("%u", lithe_publish(lithe_str("votes"), said, socket)));
  } else if (lithe_is(text, "close")) {
    lithe_close(socket, 4001, "bye");
  } else if (lithe_is(text, "fail")) {
    lithe_fail(socket, "as told");
  } else if (lithe_is(text, "buffered")) {
    lithe_send_text(socket, lithe_format("%u", lithe_buffered_amount(socket)));
  } else {
    lithe_send_text(socket, lithe_format("echo:%.*s", (int)text.size, text.data));
  }
}

const lithe_hooks live = {.open = open_live, .message = hear_live};

void lithe_on_resume(lithe_socket socket) {
  if (lithe_hooks_of(socket) == &live) send(socket, "resumed");
}

/* ---- `/rooms/:id` ---------------------------------------------------------------------------- */

static lithe_outcome *enter_room(lithe_event *event) {
  lithe_upgrade_options options = {.attachment = lithe_param(event, "id")};
  if (lithe_offers_protocol(event, "chat")) options.protocol = "chat";
  return lithe_upgrade(event, &options);
}

static lithe_text topic_of(lithe_socket socket) {
  return lithe_format("room:%s", lithe_attachment(socket).data);
}

static void open_room(lithe_socket socket) {
  if (!lithe_subscribe(socket, topic_of(socket))) {
    lithe_fail(socket, "the room's name is too long for a topic");
    return;
  }
  lithe_send_text(socket, lithe_format("room %s", lithe_attachment(socket).data));
}

static void hear_room(lithe_socket socket, lithe_message message) {
  lithe_publish(topic_of(socket), message, LITHE_NOBODY);
}

const lithe_hooks rooms = {.upgrade = enter_room, .open = open_room, .message = hear_room};

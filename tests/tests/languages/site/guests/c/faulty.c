#include <stdio.h>
#include <stdlib.h>

#include "lithe.h"

static _Noreturn void misbehave(void) {
  fputs("as told\n", stderr);
  abort();
}

lithe_outcome *lithe_on_request(lithe_event *event) {
  if (lithe_is_upgrade_request(event)) return lithe_upgrade(event, NULL);
  lithe_text query = lithe_query(event);
  if (lithe_is(query, "how=fail")) misbehave();
  if (lithe_is(query, "how=teapot")) return lithe_failure(418, "short and stout");
  if (lithe_is(query, "how=stream")) return lithe_stream(event, 203, "text/plain", NULL);
  if (lithe_is(query, "how=print")) printf("printed without an end");
  return lithe_respond(200, "text/plain", lithe_str("fine"));
}

void lithe_on_open(lithe_socket socket) {
  lithe_event *event = lithe_event_of(socket);
  if (!lithe_is(lithe_query(event), "how=stream")) return;
  lithe_send_text(socket, lithe_str("one, "));
  lithe_send_binary(socket, lithe_str("two"));
  lithe_close(socket, 1000, NULL);
}

static lithe_socket sleeper;

void lithe_on_timer(uint32_t timer) {
  (void)timer;
  lithe_send_text(sleeper, lithe_str("slept"));
}

void lithe_on_message(lithe_socket socket, lithe_message message) {
  if (lithe_is(message.content, "sleep")) {
    sleeper = socket;
    if (!lithe_set_timer(20, false)) lithe_fail(socket, "there is no timer");
    return;
  }
  if (lithe_is(message.content, "topics")) {
    lithe_subscribe(socket, lithe_str("news"));
    lithe_subscribe(socket, lithe_str("chess"));
    const lithe_text *topics;
    size_t count = lithe_subscriptions(socket, &topics);
    for (size_t i = 0; i < count; i++) lithe_send_text(socket, topics[i]);
    return;
  }
  if (lithe_is(message.content, "fail")) misbehave();
  lithe_send(socket, message);
}

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
  if (lithe_is(query, "how=print")) printf("printed without an end");
  return lithe_respond(200, "text/plain", lithe_str("fine"));
}

void lithe_on_message(lithe_socket socket, lithe_message message) {
  if (lithe_is(message.content, "fail")) misbehave();
  lithe_send(socket, message);
}

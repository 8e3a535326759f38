/* `/c/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP. */

#include <stdlib.h>

#include "lithe.h"

lithe_outcome *lithe_on_request(lithe_event *event) {
  if (!lithe_is_upgrade_request(event)) {
    return lithe_respond(200, "application/json", lithe_str("{\"mode\":\"http\"}"));
  }
  lithe_upgrade_options options = {0};
  if (lithe_offers_protocol(event, "chat")) options.protocol = "chat";
  return lithe_upgrade(event, &options);
}

void lithe_on_open(lithe_socket socket) { lithe_send_text(socket, lithe_str("connected")); }

void lithe_on_message(lithe_socket socket, lithe_message message) {
  static const char prefix[] = "echo:";
  const size_t start = sizeof prefix - 1;
  if (message.is_binary) {
    lithe_send(socket, message);
    return;
  }
  char *reply = malloc(start + message.content.size);
  if (!reply) abort();
  memcpy(reply, prefix, start);
  memcpy(reply + start, message.content.data, message.content.size);
  lithe_send_text(socket, (lithe_text){reply, start + message.content.size});
  free(reply);
}

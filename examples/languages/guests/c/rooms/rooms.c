/* `/c/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
 *
 * A room is a topic, and the host keeps its name with each socket: nothing lies in this component's
 * memory. */

#include <stdio.h>
#include <stdlib.h>

#include "lithe.h"

/* `{"room":NAME,"members":COUNT}`, where the name may be anything. */
static lithe_outcome *about(lithe_text room, size_t members) {
  /* Each byte becomes six at most, as in \u0000. */
  char *json = malloc(6 * room.size + 64);
  if (!json) abort();
  char *end = json + sprintf(json, "{\"room\":\"");
  for (size_t i = 0; i < room.size; i++) {
    unsigned char byte = (unsigned char)room.data[i];
    if (byte == '"' || byte == '\\') {
      end += sprintf(end, "\\%c", byte);
    } else if (byte < 0x20) {
      end += sprintf(end, "\\u%04x", byte);
    } else {
      *end++ = (char)byte;
    }
  }
  sprintf(end, "\",\"members\":%zu}", members);
  lithe_outcome *outcome = lithe_respond(200, "application/json", lithe_str(json));
  free(json);
  return outcome;
}

lithe_outcome *lithe_on_request(lithe_event *event) {
  lithe_text room = lithe_param(event, "id");
  if (!lithe_is_upgrade_request(event)) return about(room, lithe_members(room, NULL));
  lithe_upgrade_options options = {.attachment = room};
  return lithe_upgrade(event, &options);
}

void lithe_on_open(lithe_socket socket) {
  if (!lithe_subscribe(socket, lithe_attachment(socket))) {
    lithe_fail(socket, "the room's name is too long for a topic");
  }
}

void lithe_on_message(lithe_socket socket, lithe_message message) {
  lithe_publish(lithe_attachment(socket), message, LITHE_NOBODY);
}

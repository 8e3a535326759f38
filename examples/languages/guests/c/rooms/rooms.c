/* `/c/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
 *
 * A room is a topic, and the host keeps its name with each socket: nothing lies in this component's
 * memory. */

#include "lithe.h"

/* `{"room":NAME,"members":COUNT}`, where the name may be anything. */
static lithe_outcome *about(lithe_text room, size_t members) {
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  lithe_write_name(json, lithe_str("room"));
  lithe_write_string(json, room);
  lithe_write_name(json, lithe_str("members"));
  lithe_write_integer(json, (int64_t)members);
  lithe_write_end(json);
  return lithe_respond_json(200, lithe_written(json));
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

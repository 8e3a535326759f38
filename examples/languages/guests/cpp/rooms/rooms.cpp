// `/cpp/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
//
// A room is a topic, and the host keeps its name with each socket: nothing lies in this component's
// memory.

#include "json.h"
#include "lithe.h"

lithe_outcome *lithe_on_request(lithe_event *event) {
  const lithe_text room = lithe_param(event, "id");
  if (lithe_is_upgrade_request(event)) {
    lithe_upgrade_options options{};
    options.attachment = room;
    return lithe_upgrade(event, &options);
  }
  Json json;
  json.raw(R"({"room":)").string(room).raw(R"(,"members":)").number(lithe_members(room, nullptr)).raw("}");
  return lithe_respond(200, "application/json", json.text());
}

void lithe_on_open(lithe_socket socket) {
  if (!lithe_subscribe(socket, lithe_attachment(socket))) {
    lithe_fail(socket, "the room's name is too long for a topic");
  }
}

void lithe_on_message(lithe_socket socket, lithe_message message) {
  lithe_publish(lithe_attachment(socket), message, LITHE_NOBODY);
}

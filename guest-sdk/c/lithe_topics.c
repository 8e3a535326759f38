/* Topics: groups of sockets that hear the same messages. */

#include "lithe_internal.h"

bool lithe_subscribe(lithe_socket socket, lithe_text topic) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_subscribe_error_t error;
  return lithe_plugin_topics_subscribe(socket, &name, &error);
}

void lithe_unsubscribe(lithe_socket socket, lithe_text topic) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_unsubscribe(socket, &name);
}

uint32_t lithe_publish(lithe_text topic, lithe_message message, lithe_socket not_to) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_socket_message_t made = view_message(message);
  return lithe_plugin_topics_publish(&name, &made, not_to == LITHE_NOBODY ? NULL : &not_to);
}

size_t lithe_subscriptions(lithe_socket socket, const lithe_text **topics) {
  lithe_wit_list_string_t names;
  lithe_plugin_topics_subscriptions(socket, &names);
  *topics = take_list(names);
  return names.len;
}

size_t lithe_members(lithe_text topic, const lithe_socket **sockets) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_list_socket_id_t members;
  lithe_plugin_topics_members(topic.data ? &name : NULL, &members);
  if (members.len) keep(members.ptr, NULL);
  if (sockets) *sockets = members.len ? members.ptr : NULL;
  return members.len;
}

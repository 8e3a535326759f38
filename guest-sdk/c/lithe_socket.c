/* Sockets, and the messages on them. */

#include "lithe_internal.h"

static lithe_plugin_socket_message_t view_message(lithe_message message) {
  lithe_plugin_socket_message_t made = {0};
  if (message.is_binary) {
    made.tag = LITHE_PLUGIN_SOCKET_MESSAGE_BINARY;
    made.val.binary = (lithe_wit_list_u8_t){(uint8_t *)message.content.data, message.content.size};
  } else {
    made.tag = LITHE_PLUGIN_SOCKET_MESSAGE_TEXT;
    made.val.text = view(message.content);
  }
  return made;
}

static lithe_message message_of(const lithe_plugin_socket_message_t *message) {
  bool is_binary = message->tag == LITHE_PLUGIN_SOCKET_MESSAGE_BINARY;
  lithe_text content = {(char *)message->val.text.ptr, message->val.text.len};
  return (lithe_message){content, is_binary};
}

static lithe_close_info close_info_of(const lithe_plugin_socket_close_info_t *info) {
  lithe_text reason = {(char *)info->reason.ptr, info->reason.len};
  return (lithe_close_info){info->code, reason, info->clean};
}

lithe_sent lithe_send(lithe_socket socket, lithe_message message) {
  lithe_plugin_socket_message_t made = view_message(message);
  lithe_plugin_socket_send_error_t error;
  if (lithe_plugin_socket_send(socket, &made, &error)) return LITHE_SENT;
  switch (error.tag) {
    case LITHE_PLUGIN_SOCKET_SEND_ERROR_TOO_LARGE: return LITHE_SEND_TOO_LARGE;
    case LITHE_PLUGIN_SOCKET_SEND_ERROR_QUEUE_FULL: return LITHE_SEND_QUEUE_FULL;
    default: return LITHE_SEND_CLOSED;
  }
}

lithe_sent lithe_send_text(lithe_socket socket, lithe_text text) {
  return lithe_send(socket, (lithe_message){text, false});
}

lithe_sent lithe_send_binary(lithe_socket socket, lithe_text bytes) {
  return lithe_send(socket, (lithe_message){bytes, true});
}

bool lithe_close(lithe_socket socket, int code, const char *reason) {
  uint16_t number = short_of(code);
  lithe_wit_string_t text = view_str(reason);
  lithe_plugin_socket_close_error_t error;
  return lithe_plugin_socket_close(socket, &number, &text, &error);
}

void lithe_fail(lithe_socket socket, const char *reason) {
  lithe_wit_string_t text = view_str(reason);
  lithe_plugin_socket_fail(socket, &text);
  has_failed |= socket == listening;
}

void lithe_terminate(lithe_socket socket) { lithe_plugin_socket_terminate(socket); }

lithe_state lithe_state_of(lithe_socket socket) {
  return (lithe_state)lithe_plugin_socket_state(socket);
}

lithe_text lithe_protocol(lithe_socket socket) {
  lithe_wit_string_t text;
  if (!lithe_plugin_socket_protocol(socket, &text)) return none;
  return take(text.ptr, text.len);
}

uint32_t lithe_buffered_amount(lithe_socket socket) {
  return lithe_plugin_socket_buffered_amount(socket);
}

lithe_event *lithe_event_of(lithe_socket socket) {
  lithe_plugin_socket_own_event_t handle;
  return lithe_plugin_socket_event_of(socket, &handle) ? keep_event(handle) : NULL;
}

lithe_text lithe_attachment(lithe_socket socket) {
  lithe_wit_list_u8_t value;
  lithe_plugin_socket_attachment(socket, &value);
  return take(value.ptr, value.len);
}

bool lithe_set_attachment(lithe_socket socket, lithe_text value) {
  lithe_wit_list_u8_t bytes = {(uint8_t *)value.data, value.size};
  lithe_plugin_socket_attachment_error_t error;
  return lithe_plugin_socket_set_attachment(socket, &bytes, &error);
}

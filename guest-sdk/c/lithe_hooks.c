/* The kind `hooks`: sessions as events. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_HOOKS
__attribute__((__weak__)) void lithe_on_open(lithe_socket socket) { (void)socket; }
__attribute__((__weak__)) void lithe_on_message(lithe_socket socket, lithe_message message) {
  (void)socket, (void)message;
}
__attribute__((__weak__)) void lithe_on_drain(lithe_socket socket) { (void)socket; }
__attribute__((__weak__)) void lithe_on_close(lithe_socket socket, lithe_close_info info) {
  (void)socket, (void)info;
}

static const lithe_hooks component_hooks = {
    .open = lithe_on_open,
    .message = lithe_on_message,
    .drain = lithe_on_drain,
    .close = lithe_on_close,
};

void exports_lithe_plugin_hooks_open(lithe_socket socket) {
  const lithe_hooks *hooks = hooks_of(socket);
  if (hooks->open) hooks->open(socket);
  finish();
}

/* Begins to tell the guest of the messages of a socket. */
static const lithe_hooks *listen_to(lithe_socket socket) {
  listening = socket;
  has_failed = false;
  return hooks_of(socket);
}

/* Tells the guest of a message, unless one before has failed. */
static void tell(const lithe_hooks *hooks, lithe_message message) {
  if (has_failed || !hooks->message) return;
  hooks->message(listening, message);
  release();
}

void exports_lithe_plugin_hooks_receive(lithe_socket socket,
                                        exports_lithe_plugin_hooks_list_message_t *messages) {
  const lithe_hooks *hooks = listen_to(socket);
  for (size_t i = 0; i < messages->len; i++) tell(hooks, message_of(&messages->ptr[i]));
  exports_lithe_plugin_hooks_list_message_free(messages);
  finish();
}

#ifdef LITHE_HAS_BATCH
/* A number of a batch: little-endian, wherever it stands. */
static uint32_t number_at(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Messages of several sockets: see `wit/batch.wit`. The guest gets views of them. */
void exports_lithe_plugin_batch_receive(lithe_wit_list_u8_t *messages) {
  const uint8_t *at = messages->ptr, *end = at + messages->len;
  const lithe_hooks *hooks = NULL;
  while (end - at >= 8) {
    lithe_socket socket = number_at(at);
    uint32_t length = number_at(at + 4);
    size_t size = length >> 1;
    at += 8;
    if ((size_t)(end - at) < size) break;
    if (!hooks || socket != listening) {
      /* What was printed until now is about the socket before. */
      fflush(stdout);
      if (hooks) lithe_plugin_turn_begin(socket);
      hooks = listen_to(socket);
    }
    tell(hooks, (lithe_message){{(const char *)at, size}, length & 1});
    at += size;
  }
  if (messages->len) free(messages->ptr);
  finish();
}
#endif

void exports_lithe_plugin_hooks_drain(lithe_socket socket) {
  const lithe_hooks *hooks = hooks_of(socket);
  if (hooks->drain) hooks->drain(socket);
  finish();
}

void exports_lithe_plugin_hooks_close(lithe_socket socket,
                                      exports_lithe_plugin_hooks_close_info_t *info) {
  const lithe_hooks *hooks = hooks_of(socket);
  if (hooks->close) hooks->close(socket, close_info_of(info));
  forget(socket);
  exports_lithe_plugin_hooks_close_info_free(info);
  finish();
}
#endif

/* The kind `session`: a blocking session. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_SESSION
/* What `receive` gave last. The guest has views of it until the next `receive`. */
static lithe_plugin_receiver_received_t last;

static void forget_last(void) {
  lithe_plugin_receiver_received_free(&last);
  memset(&last, 0, sizeof last);
  last.tag = LITHE_PLUGIN_RECEIVER_RECEIVED_TIMED_OUT;
  finish();
}

static lithe_received receive(lithe_socket socket, uint32_t *milliseconds, lithe_message *message,
                              lithe_close_info *info) {
  static bool has_last;
  if (has_last) forget_last();
  has_last = true;
  lithe_plugin_receiver_receive(socket, milliseconds, &last);
  switch (last.tag) {
    case LITHE_PLUGIN_RECEIVER_RECEIVED_MESSAGE:
      *message = message_of(&last.val.message);
      return LITHE_MESSAGE;
    case LITHE_PLUGIN_RECEIVER_RECEIVED_CLOSED:
      if (info) *info = close_info_of(&last.val.closed);
      return LITHE_ENDED;
    default: return LITHE_TIMED_OUT;
  }
}

bool lithe_receive(lithe_socket socket, lithe_message *message) {
  return receive(socket, NULL, message, NULL) == LITHE_MESSAGE;
}

lithe_received lithe_receive_within(lithe_socket socket, uint32_t milliseconds,
                                    lithe_message *message, lithe_close_info *info) {
  return receive(socket, &milliseconds, message, info);
}

void exports_lithe_plugin_session_run(lithe_socket socket) {
  lithe_on_session(socket);
  finish();
}
#endif

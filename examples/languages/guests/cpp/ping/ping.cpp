// `/cpp/ping`: answers `ping` with `pong`.

#include "lithe.h"

void lithe_on_message(lithe_socket socket, lithe_message message) {
  if (!message.is_binary && lithe_is(message.content, "ping")) {
    lithe_send_text(socket, lithe_str("pong"));
  }
}

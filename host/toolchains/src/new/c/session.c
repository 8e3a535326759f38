/* A WebSocket that greets and echoes, as a loop. */

#include "lithe.h"

void lithe_on_session(lithe_socket socket) {
  lithe_send_text(socket, lithe_str("hello"));
  lithe_message message;
  while (lithe_receive(socket, &message)) lithe_send(socket, message);
}

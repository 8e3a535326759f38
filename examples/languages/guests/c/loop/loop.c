/* `/c/loop`: an echo as a blocking loop, in an instance of its own for each connection. */

#include "lithe.h"

void lithe_on_session(lithe_socket socket) {
  lithe_message message;
  while (lithe_receive(socket, &message)) lithe_send(socket, message);
}

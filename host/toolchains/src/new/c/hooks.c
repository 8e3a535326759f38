/* A WebSocket that greets and echoes, as events. */

#include "lithe.h"

void lithe_on_open(lithe_socket socket) { lithe_send_text(socket, lithe_str("hello")); }

void lithe_on_message(lithe_socket socket, lithe_message message) { lithe_send(socket, message); }

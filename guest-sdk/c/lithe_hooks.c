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
__attribute__((__weak__)) void lithe_on_timer(uint32_t timer) { (void)timer; }

uint32_t lithe_set_timer(uint32_t milliseconds, bool repeat) {
  uint32_t timer;
  lithe_plugin_timers_timer_error_t error;
  return lithe_plugin_timers_set(milliseconds, repeat, &timer, &error) ? timer : 0;
}

void lithe_cancel_timer(uint32_t timer) { lithe_plugin_timers_cancel(timer); }

void exports_lithe_plugin_hooks_open(lithe_socket socket) {
  lithe_on_open(socket);
  finish();
}

void exports_lithe_plugin_hooks_receive(lithe_socket socket,
                                        exports_lithe_plugin_hooks_list_message_t *messages) {
  for (size_t i = 0; i < messages->len; i++) {
    lithe_on_message(socket, message_of(&messages->ptr[i]));
    release();
  }
  exports_lithe_plugin_hooks_list_message_free(messages);
  finish();
}

void exports_lithe_plugin_hooks_drain(lithe_socket socket) {
  lithe_on_drain(socket);
  finish();
}

void exports_lithe_plugin_hooks_close(lithe_socket socket,
                                      exports_lithe_plugin_hooks_close_info_t *info) {
  lithe_on_close(socket, close_info_of(info));
  exports_lithe_plugin_hooks_close_info_free(info);
  finish();
}

void exports_lithe_plugin_hooks_timer(uint32_t timer) {
  lithe_on_timer(timer);
  finish();
}
#else
/* The host never calls these in another kind. A guest that defines one gets an error of the linker:
 * the symbol is there twice. */
void lithe_on_open(lithe_socket socket) { (void)socket; }
void lithe_on_message(lithe_socket socket, lithe_message message) { (void)socket, (void)message; }
void lithe_on_drain(lithe_socket socket) { (void)socket; }
void lithe_on_close(lithe_socket socket, lithe_close_info info) { (void)socket, (void)info; }
void lithe_on_timer(uint32_t timer) { (void)timer; }
#endif

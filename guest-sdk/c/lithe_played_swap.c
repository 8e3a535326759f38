/* Another version takes over, and the check of its health. */

#include "lithe_played.h"

/* The reason that a call has given. */
static const char *reason_of(lithe_wit_string_t *error) {
  lithe_text reason = lasting(error->len ? heard(error) : lithe_str(""));
  lithe_wit_string_free(error);
  return reason.data;
}

/* Has the SDK know nothing, as in an instance that begins. */
static void forget_sdk(void) {
#ifdef LITHE_KIND_HOOKS
  for (size_t i = 0; i < alarms.capacity; i++) free(alarms.entries[i].value);
  free(alarms.entries);
  alarms = (table){NULL, 0, 0};
#ifdef LITHE_HAS_ROUTES
  free(hooks_by_socket.entries);
  hooks_by_socket = (table){NULL, 0, 0};
#endif
#endif
}

const char *lithe_swap(void (*begin)(void)) {
#ifdef LITHE_HAS_STATE
  lithe_wit_list_u8_t saved;
  lithe_wit_string_t error;
  if (!exports_lithe_plugin_state_save(&saved, &error)) return reason_of(&error);
  if (saved.len > STATE_LIMIT) return "the state is larger than 1 MiB";
#endif
  begin();
  forget_sdk();
  forget_timers();
#ifdef LITHE_HAS_STATE
  if (!exports_lithe_plugin_state_restore(&saved, &error)) return reason_of(&error);
#endif
#ifdef LITHE_HAS_RESUME
  for (size_t i = 0, count = client_count; i < count; i++) {
    if (all_clients[i]->is_gone || all_clients[i]->is_pinned) continue;
    exports_lithe_plugin_resume_resume(all_clients[i]->socket);
    settle();
  }
#endif
  return NULL;
}

const char *lithe_check_health(void) {
#ifdef LITHE_HAS_HEALTH
  lithe_wit_string_t error;
  if (!exports_lithe_plugin_health_check(&error)) return reason_of(&error);
#endif
  return NULL;
}

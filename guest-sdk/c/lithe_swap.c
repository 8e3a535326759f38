/* What moves when a new version takes over, and the version's health. */

#include "lithe_internal.h"

/* Copies a reason for the host. Returns whether all is well: the reason is NULL. */
static bool told(const char *reason, lithe_wit_string_t *error) {
  if (reason) *error = copy_str(reason);
  finish();
  return !reason;
}

#ifdef LITHE_HAS_STATE
bool exports_lithe_plugin_state_save(lithe_wit_list_u8_t *ret, lithe_wit_string_t *err) {
  lithe_text saved = lithe_str("");
  const char *reason = lithe_on_save(&saved);
  if (!reason) *ret = (lithe_wit_list_u8_t){copied(saved), saved.size};
  return told(reason, err);
}

bool exports_lithe_plugin_state_restore(lithe_wit_list_u8_t *saved, lithe_wit_string_t *err) {
  return told(lithe_on_restore(take(saved->ptr, saved->len)), err);
}
#endif

#ifdef LITHE_HAS_RESUME
void exports_lithe_plugin_resume_resume(lithe_socket socket) {
  if (is_unheard(socket)) {
    lithe_fail(socket, unheard);
  } else {
    lithe_on_resume(socket);
  }
  finish();
}
#endif

#ifdef LITHE_HAS_HEALTH
bool exports_lithe_plugin_health_check(lithe_wit_string_t *err) {
  return told(lithe_on_health(), err);
}
#endif

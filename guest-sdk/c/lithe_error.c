/* The kind `error`: answers for errors. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_ERROR
bool exports_lithe_plugin_error_handler_handle(
    exports_lithe_plugin_error_handler_own_event_t event, lithe_plugin_http_http_error_t *error,
    lithe_plugin_http_response_t *ret, lithe_plugin_http_http_error_t *err) {
  lithe_outcome *outcome = lithe_on_error(keep_event(event), error_of(error));
  bool is_response = outcome && outcome->kind == RESPONSE;
  if (is_response) {
    hand_over(outcome);
    *ret = outcome->as.response;
    lithe_plugin_http_http_error_free(error);
  } else if (outcome && outcome->kind == FAILURE) {
    hand_over(outcome);
    *err = outcome->as.failure;
    lithe_plugin_http_http_error_free(error);
  } else {
    *err = *error;
  }
  finish();
  return is_response;
}
#endif

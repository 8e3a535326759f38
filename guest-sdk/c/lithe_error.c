/* The kind `error`: answers for errors. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_ERROR
bool exports_lithe_plugin_error_handler_handle(
    exports_lithe_plugin_error_handler_own_event_t event, lithe_plugin_http_http_error_t *error,
    lithe_plugin_http_response_t *ret, lithe_plugin_http_http_error_t *err) {
  lithe_text message = {(char *)error->message.ptr, error->message.len};
  lithe_outcome *outcome =
      lithe_on_error(keep_event(event), (lithe_error){error->status, message});
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

/* The host never calls this in this kind: see `lithe_hooks.c`. */
lithe_outcome *lithe_on_request(lithe_event *event) { return (void)event, NULL; }
#else
/* The host never calls this in another kind: see `lithe_hooks.c`. */
lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error) {
  return (void)event, (void)error, NULL;
}
#endif

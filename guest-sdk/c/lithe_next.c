/* What a middleware runs around: the host's chain, or an app's. */

#include "lithe_internal.h"

#if defined(LITHE_KIND_MIDDLEWARE)
lithe_outcome *lithe_next(lithe_event *event) {
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_outcome_outcome_t made;
  lithe_plugin_http_http_error_t failure;
  if (!lithe_plugin_next_run(borrow(event), &made, &failure)) {
    fail(outcome, failure);
  } else if (made.tag == LITHE_PLUGIN_OUTCOME_OUTCOME_UPGRADE) {
    outcome->kind = UPGRADE;
    outcome->as.upgrade = made.val.upgrade;
  } else if (made.tag == LITHE_PLUGIN_OUTCOME_OUTCOME_STREAMED) {
    outcome->kind = STREAM;
    outcome->as.stream = made.val.streamed;
  } else {
    outcome->as.response = made.val.response;
  }
  return outcome;
}
#elif !defined(LITHE_HAS_ROUTES)
lithe_outcome *lithe_next(lithe_event *event) {
  (void)event;
  return lithe_fault("`lithe_next` is for the kind `middleware`, and for middleware of an app");
}
#endif

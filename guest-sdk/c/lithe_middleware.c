/* The kind `middleware`: what a middleware runs around. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_MIDDLEWARE
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
#endif

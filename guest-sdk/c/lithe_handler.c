/* The kinds that answer requests, all but `error`: the call of the host, and its answer. */

#include "lithe_internal.h"

#ifndef LITHE_KIND_ERROR

#ifdef LITHE_KIND_MIDDLEWARE
#define HANDLE exports_lithe_plugin_middleware_handle
#else
#define HANDLE exports_lithe_plugin_handler_handle
#endif

#if defined(LITHE_KIND_HOOKS) || defined(LITHE_KIND_SESSION)
__attribute__((__weak__)) lithe_outcome *lithe_on_request(lithe_event *event) {
  return lithe_upgrade(event, NULL);
}
#endif

bool HANDLE(lithe_plugin_event_own_event_t event, lithe_plugin_outcome_outcome_t *ret,
            lithe_plugin_http_http_error_t *err) {
  lithe_outcome *outcome = serve(keep_event(event));
  hand_over(outcome);
  bool is_failure = outcome->kind == FAILURE;
  switch (outcome->kind) {
    case RESPONSE:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_RESPONSE;
      ret->val.response = outcome->as.response;
      break;
    case FAILURE: *err = outcome->as.failure; break;
    case UPGRADE:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_UPGRADE;
      ret->val.upgrade = outcome->as.upgrade;
      break;
    case STREAM:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_STREAMED;
      ret->val.streamed = outcome->as.stream;
      break;
  }
  finish();
  return !is_failure;
}

#endif

/* Middleware that helps to follow a request. */

#include "lithe_internal.h"

#include <time.h>

/* Fit for a header and a log line. */
static bool is_well_formed(lithe_text id) {
  if (id.size < 1 || id.size > 128) return false;
  for (size_t i = 0; i < id.size; i++) {
    if (id.data[i] <= 0x20 || id.data[i] >= 0x7F) return false;
  }
  return true;
}

lithe_outcome *lithe_request_id(lithe_event *event) {
  lithe_text id = lithe_header(event, "x-request-id");
  if (!is_well_formed(id)) id = lithe_id(event);
  lithe_set_local(event, "request-id", id);
  lithe_outcome *outcome = lithe_next(event);
  lithe_set_header(outcome, "x-request-id", id.data);
  return outcome;
}

static double milliseconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

lithe_outcome *lithe_timing(lithe_event *event) {
  double start = milliseconds_now();
  lithe_outcome *outcome = lithe_next(event);
  lithe_text taken = lithe_format("total;dur=%.3f", milliseconds_now() - start);
  lithe_add_header(outcome, "server-timing", taken.data);
  return outcome;
}

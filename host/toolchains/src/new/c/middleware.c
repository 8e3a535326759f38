/* Runs around every request of the site, and says so. */

#include "lithe.h"

lithe_outcome *lithe_on_request(lithe_event *event) {
  lithe_outcome *outcome = lithe_next(event);
  lithe_add_header(outcome, "x-seen-by", "{name}");
  return outcome;
}

/* Middleware: which sites' pages may open a WebSocket. */

#include "lithe_internal.h"

/* Does not compare the scheme: behind a proxy that ends TLS, the host does not know it. */
static bool is_own(lithe_event *event, lithe_text origin) {
  const char *found = strstr(origin.data, "://");
  return found && equals_in_any_case(lithe_str(found + 3), lithe_authority(event));
}

lithe_outcome *lithe_same_origin(lithe_event *event, const char *const *others) {
  lithe_text origin = lithe_header(event, "origin");
  bool is_refused = origin.data && lithe_is_upgrade_request(event) && !is_own(event, origin) &&
                    !has_text(others, origin);
  return is_refused ? lithe_failure(403, "Forbidden") : lithe_next(event);
}

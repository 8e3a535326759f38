/* Middleware: which other sites' scripts may make requests (Fetch Standard, 3.2). */

#include "lithe_internal.h"

/* Whether a list that ends with NULL has a text. */
static bool has_text(const char *const *list, lithe_text text) {
  for (; list && *list; list++) {
    if (lithe_is(text, *list)) return true;
  }
  return false;
}

static bool is_allowed(const lithe_cors_options *options, lithe_text origin) {
  return !options->origins || has_text(options->origins, origin);
}

/* Says what every answer to that origin says, allowed or not. */
static void mark(const lithe_cors_options *options, lithe_text origin, lithe_outcome *outcome) {
  if (options->origins) lithe_add_header(outcome, "vary", "origin");
  if (!is_allowed(options, origin)) return;
  lithe_set_header(outcome, "access-control-allow-origin", options->origins ? origin.data : "*");
  if (options->credentials && options->origins) {
    lithe_set_header(outcome, "access-control-allow-credentials", "true");
  }
  if (options->exposed) {
    lithe_set_header(outcome, "access-control-expose-headers", options->exposed);
  }
}

static lithe_outcome *preflight(const lithe_cors_options *options, lithe_event *event,
                                lithe_text origin) {
  lithe_outcome *outcome = lithe_respond(204, NULL, none);
  mark(options, origin, outcome);
  if (!is_allowed(options, origin)) return outcome;
  const char *methods = options->methods ? options->methods : "GET, HEAD, POST, PUT, PATCH, DELETE";
  lithe_set_header(outcome, "access-control-allow-methods", methods);
  const char *headers = options->headers
                            ? options->headers
                            : lithe_header(event, "access-control-request-headers").data;
  if (headers) lithe_set_header(outcome, "access-control-allow-headers", headers);
  if (options->max_age) {
    const char *seconds = lithe_format("%u", (unsigned)options->max_age).data;
    lithe_set_header(outcome, "access-control-max-age", seconds);
  }
  return outcome;
}

lithe_outcome *lithe_cors(lithe_event *event, const lithe_cors_options *options) {
  lithe_text origin = lithe_header(event, "origin");
  if (!origin.data) return lithe_next(event);
  bool asks_first = lithe_header(event, "access-control-request-method").data != NULL;
  if (asks_first && lithe_is(lithe_method(event), "OPTIONS")) {
    return preflight(options, event, origin);
  }
  lithe_outcome *outcome = lithe_next(event);
  mark(options, origin, outcome);
  return outcome;
}

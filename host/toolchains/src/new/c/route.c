/* Answers requests. */

#include <stdio.h>

#include "lithe.h"

lithe_outcome *lithe_on_request(lithe_event *event) {
  char text[256];
  snprintf(text, sizeof text, "Hello from %s", lithe_path(event).data);
  return lithe_respond(200, "text/plain; charset=utf-8", lithe_str(text));
}

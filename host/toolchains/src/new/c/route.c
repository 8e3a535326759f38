/* Answers requests. */

#include "lithe.h"

lithe_outcome *lithe_on_request(lithe_event *event) {
  return lithe_respond_text(200, lithe_format("Hello from %s", lithe_path(event).data));
}

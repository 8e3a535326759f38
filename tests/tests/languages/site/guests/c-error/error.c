#include <stdio.h>

#include "lithe.h"

lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error) {
  if (error.status == 418) return NULL;
  char page[256];
  snprintf(page, sizeof page, "%d at %s: %.*s", error.status, lithe_path(event).data,
           (int)error.message.size, error.message.data);
  return lithe_respond(error.status, "text/plain", lithe_str(page));
}

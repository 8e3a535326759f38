/* Greets and echoes. */

#include <assert.h>

#include "lithe_testing.h"

int main(void) {
  lithe_client *client = lithe_connect_to("/");
  assert(lithe_client_hears(client, "hello"));
  lithe_client_say(client, "one");
  assert(lithe_client_hears(client, "one"));
  return 0;
}

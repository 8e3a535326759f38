/* Greets and echoes. */

#include <assert.h>

#include "lithe_testing.h"

int main(void) {
  lithe_client *client = lithe_connect_to("/");
  lithe_client_say(client, "one");
  /* The session runs when the client is done. */
  lithe_client_close(client, 1000, "");
  assert(lithe_client_hears(client, "hello"));
  assert(lithe_client_hears(client, "one"));
  return 0;
}

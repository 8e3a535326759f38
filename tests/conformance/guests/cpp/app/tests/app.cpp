// The app without a network. Run it by `sh .lithe/hooks/lithe_test.sh`.

#undef NDEBUG
#include <assert.h>

#include "../tally.h"
#include "lithe_testing.h"

int main() {
  lithe_client *client = lithe_connect_to("/live");
  assert(lithe_client_hears(client, "{}"));
  lithe_answer *answer = lithe_ask(lithe_new_request("POST", "/votes/tea"));
  assert(lithe_is(lithe_answer_body(answer), R"({"tea":1})"));
  assert(lithe_client_hears(client, R"({"tea":1})"));

  assert(!lithe_swap([] { tally.clear(); }));
  assert(lithe_client_hears(client, "resumed"));
  lithe_ask(lithe_new_request("POST", "/votes/tea"));
  assert(lithe_client_hears(client, R"({"tea":2})"));

  lithe_client_say(client, "tick");
  lithe_advance(50);
  assert(lithe_client_hears(client, "tock"));
}

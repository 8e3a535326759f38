/* Says where it is asked from. */

#include <assert.h>

#include "lithe_testing.h"

int main(void) {
  lithe_answer *answer = lithe_ask(lithe_new_request("GET", "/somewhere"));
  assert(lithe_answer_status(answer) == 200);
  assert(lithe_is(lithe_answer_body(answer), "Hello from /somewhere"));
  return 0;
}

/* Adds its header, also to a failure. */

#include <assert.h>

#include "lithe_testing.h"

static lithe_outcome *greet(lithe_event *event) {
  return lithe_respond_text(200, lithe_str("hello"));
}

int main(void) {
  lithe_answer *failure = lithe_ask(lithe_new_request("GET", "/"));
  assert(lithe_answer_status(failure) == 404);
  assert(lithe_is(lithe_answer_header(failure, "x-seen-by"), "{name}"));
  lithe_set_next(greet);
  lithe_answer *answer = lithe_ask(lithe_new_request("GET", "/"));
  assert(lithe_is(lithe_answer_body(answer), "hello"));
  assert(lithe_is(lithe_answer_header(answer, "x-seen-by"), "{name}"));
  return 0;
}

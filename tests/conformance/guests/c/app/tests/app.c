/* The app without a network: what the tests of all languages do not ask, and what they do in one
 * process. Run it by `sh .lithe/hooks/lithe_test.sh`. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "../tally.h"
#include "lithe_testing.h"

static lithe_answer *ask(const char *method, const char *uri) {
  return lithe_ask(lithe_new_request(method, uri));
}

static void is_answered(lithe_answer *answer, int status, const char *body) {
  lithe_text text = lithe_answer_body(answer);
  bool is_as_expected = lithe_answer_status(answer) == status && lithe_is(text, body);
  if (!is_as_expected) fprintf(stderr, "%d %s\n", lithe_answer_status(answer), text.data);
  assert(is_as_expected);
}

static void votes_reach_every_socket(void) {
  lithe_client *ann = lithe_connect_to("/live");
  lithe_client *bob = lithe_connect_to("/origin/live");
  assert(lithe_client_hears(ann, "{}") && lithe_client_hears(bob, "{}"));
  is_answered(ask("POST", "/votes/tea"), 200, "{\"tea\":1}");
  is_answered(ask("POST", "/votes/a%22b"), 200, "{\"a\\\"b\":1,\"tea\":1}");
  assert(lithe_client_hears(ann, "{\"tea\":1}"));
  assert(lithe_client_hears(bob, "{\"tea\":1}"));
  lithe_client_leave(ann);
  lithe_client_leave(bob);
  tally_clear();
}

static void time_stands_still_until_it_is_moved(void) {
  lithe_client *client = lithe_connect_to("/live");
  lithe_client_read(client);
  lithe_client_say(client, "tick");
  lithe_client_say(client, "count");
  assert(lithe_timers() == 2);
  lithe_advance(49);
  assert(lithe_client_hears(client, "1") && lithe_client_hears(client, "2"));
  lithe_advance(1);
  assert(lithe_client_hears(client, "tock"));
  lithe_advance(1000);
  assert(lithe_client_hears(client, "3"));
  assert(lithe_timers() == 0);
  lithe_client_leave(client);
}

static void a_failing_session_hears_no_more(void) {
  lithe_client *client = lithe_connect_to("/live");
  lithe_client_read(client);
  lithe_client_say(client, "fail");
  lithe_client_say(client, "who");
  assert(lithe_client_code(client) == 1011);
  assert(lithe_is(lithe_client_failure(client), "as told"));
  assert(lithe_client_read(client).size == 0);
}

static void long_messages_are_echoed(void) {
  lithe_client *client = lithe_connect_to("/live");
  lithe_client_read(client);
  static char text[100 * 1024 + 1];
  memset(text, 'x', sizeof text - 1);
  lithe_client_say(client, text);
  assert(lithe_client_read(client).size == sizeof text - 1 + strlen("echo:"));
  lithe_client_close(client, 1000, "done");
  assert(lithe_client_code(client) == 1000);
  assert(lithe_is(lithe_client_reason(client), "done"));
}

static void the_tally_and_the_sockets_move(void) {
  lithe_client *client = lithe_connect_to("/live");
  lithe_request *request = lithe_new_request("GET", "/rooms/7");
  lithe_request_upgrade(request, "other, chat");
  lithe_client *room = lithe_connect(lithe_ask(request));
  ask("POST", "/votes/tea");
  lithe_client_read(client);
  assert(lithe_client_hears(room, "room 7"));
  assert(!lithe_swap(tally_clear));
  assert(lithe_client_hears(client, "resumed"));
  ask("POST", "/votes/tea");
  assert(lithe_client_hears(client, "{\"tea\":2}"));
  lithe_client_say(room, "hi");
  assert(lithe_client_hears(room, "hi"));
  tally_clear();
  assert(lithe_on_restore(lithe_str("[1]")) != NULL);
}

static void a_full_queue_refuses(void) {
  lithe_client *client = lithe_connect_to("/live");
  lithe_client_read(client);
  lithe_client_limit(client, 8);
  lithe_client_say(client, "1234");
  assert(!lithe_client_read(client).size);
  lithe_client_drain(client);
  lithe_client_say(client, "ab");
  assert(lithe_client_hears(client, "echo:ab"));
}

static void what_a_client_gets_wrong_is_named(void) {
  is_answered(ask("GET", "/item/42"), 200, "{\"id\":42}");
  is_answered(ask("GET", "/item/x"), 400, "parameter `id` is `x`: not an integer");
  is_answered(ask("GET", "/item/9223372036854775808"), 400,
              "parameter `id` is `9223372036854775808`: out of range");
  is_answered(ask("GET", "/item/-9223372036854775808"), 200, "{\"id\":-9223372036854775808}");
  is_answered(ask("GET", "/query?name=x"), 400, "query parameter `n` is missing");
  is_answered(ask("GET", "/query?n=5&name=a+b%20%C3%A4%ff%2"), 200,
              "{\"n\":5,\"name\":\"a b ä\xEF\xBF\xBD%2\"}");
  is_answered(ask("PUT", "/item/1"), 405, "Method Not Allowed");
  is_answered(ask("GET", "/nowhere"), 404, "Not Found");
  is_answered(ask("HEAD", "/item/1"), 200, "{\"id\":1}");
  is_answered(ask("GET", "/live"), 426, "Upgrade Required");
  is_answered(ask("GET", "/throw"), 500, "Internal Server Error");
  is_answered(ask("GET", "/refuse"), 418, "caught: teapot");
}

static void json_is_read_as_it_is(void) {
  static const struct {
    const char *body;
    int status;
    const char *answer;
  } cases[] = {
      {"{\"name\":\"x\"}", 200, "x"},
      {" { \"a\" : [1, {\"name\": 2}, null] , \"na\\u006de\" : \"\\ud83e\\udd80\\n\" } ", 200,
       "\xF0\x9F\xA6\x80\n"},
      {"{\"name\":\"first\",\"name\":\"last\"}", 200, "last"},
      {"{\"name\":1}", 400, "field `name` is missing, or not a string"},
      {"[]", 400, "field `name` is missing, or not a string"},
      {"", 400, "the body is not JSON: it ends too early"},
      {"{\"name\":\"x\"", 400, "the body is not JSON: it ends too early"},
      {"{\"name\":\"x\",}", 400, "the body is not JSON: wrong at line 1, column 13"},
      {"{\"name\":\"\\ud83e\"}", 400, "the body is not JSON: wrong at line 1, column 16"},
      {"{\"name\":\"\xff\"}", 400, "the body is not JSON: wrong at line 1, column 10"},
      {"{\"name\":01}", 400, "the body is not JSON: wrong at line 1, column 10"},
      {"{\"name\":\"x\"} x", 400, "the body is not JSON: wrong at line 1, column 14"},
      {"{\n \"name\" \"x\"}", 400, "the body is not JSON: wrong at line 2, column 9"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lithe_request *request = lithe_new_request("POST", "/json");
    lithe_request_body(request, lithe_str(cases[i].body));
    is_answered(lithe_ask(request), cases[i].status, cases[i].answer);
  }
  static char deep[10001];
  memset(deep, '[', sizeof deep - 1);
  lithe_request *request = lithe_new_request("POST", "/json");
  lithe_request_body(request, lithe_str(deep));
  is_answered(lithe_ask(request), 400,
              "the body is not JSON: more than 128 levels of arrays and objects");
}

static lithe_answer *post(const char *uri, lithe_text body) {
  lithe_request *request = lithe_new_request("POST", uri);
  lithe_request_header(request, "content-type", "application/x-www-form-urlencoded");
  lithe_request_body(request, body);
  return lithe_ask(request);
}

static void json_is_walked_at_all_levels(void) {
  static const struct {
    const char *body;
    const char *count;
  } cases[] = {
      {"1", "1"},
      {" [ ] ", "1"},
      {"{ }", "1"},
      {"[[],[[]],{}]", "5"},
      {"[ [ 1 , [ ] , 2 ] , { \"a\" : { \"b\" : [ \"]\" ] } , \"c\" : [ 3 ] } , 4 ]", "12"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    is_answered(post("/count", lithe_str(cases[i].body)), 200, cases[i].count);
  }
  static char deep[257];
  memset(deep, '[', 128);
  memset(deep + 128, ']', 128);
  is_answered(post("/count", lithe_str(deep)), 200, "128");
}

static void numbers_are_finite(void) {
  is_answered(post("/half", lithe_str("{\"n\":1e2}")), 200, "{\"half\":50}");
  static const char refused[] = "field `n` is missing, or not a number";
  is_answered(post("/half", lithe_str("{\"n\":1e999}")), 400, refused);
  is_answered(post("/half", lithe_str("{\"n\":-1e999}")), 400, refused);
}

static void what_is_parsed_is_bounded(void) {
  static const char too_large[] =
      "the body is larger than 131072 bytes: `lithe_limit_body` reads it with a higher limit";
  static char body[128 * 1024 + 1];
  lithe_text largest = {body, sizeof body - 1}, larger = {body, sizeof body};
  memset(body, '1', sizeof body);
  memcpy(body, "age=7&name=", 11);
  is_answered(post("/form", larger), 413, too_large);
  assert(lithe_answer_status(post("/form", largest)) == 200);
  memset(body, ' ', sizeof body);
  memcpy(body, "[1]", 3);
  is_answered(post("/count", largest), 200, "2");
  is_answered(post("/count", larger), 413, too_large);
  is_answered(post("/count?limit=300000", larger), 200, "2");
  is_answered(post("/count?limit=1", lithe_str("[]")), 413,
              "the body is larger than 1 bytes: `lithe_limit_body` reads it with a higher limit");
}

static void a_cookie_s_name_is_compared_as_it_was_sent(void) {
  lithe_request *request = lithe_new_request("GET", "/cookies");
  lithe_request_header(request, "cookie", "%61=evil; a=\"%41 b\"; a=2");
  is_answered(lithe_ask(request), 200, "A b");
}

static void a_location_is_encoded_where_a_uri_could_not_have_it(void) {
  static const struct {
    const char *given;
    const char *sent;
  } cases[] = {
      {"/redirect", "/votes"},
      {"/redirect?to=/a?b=c%2520d%26e=[f]%23g", "/a?b=c%20d&e=[f]#g"},
      {"/redirect?to=/a%0D%0Aset-cookie:+b=c", "/a%0D%0Aset-cookie:%20b=c"},
      {"/redirect?to=/%5Cevil.example", "/%5Cevil.example"},
      {"/redirect?to=/%3C%22%C3%A4%F0%9F%A6%80%7F%3E", "/%3C%22%C3%A4%F0%9F%A6%80%7F%3E"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lithe_answer *answer = ask("GET", cases[i].given);
    assert(lithe_answer_status(answer) == 303);
    assert(lithe_is(lithe_answer_header(answer, "location"), cases[i].sent));
  }
}

static void credentials_are_asked_for(void) {
  static const struct {
    const char *uri;
    const char *given;
    int status;
  } cases[] = {
      {"/admin/who", "Bearer secret", 200}, {"/admin/who", "bearer  secret ", 200},
      {"/admin/who", "Bearer secre", 401},  {"/admin/who", "Bearer ", 401},
      {"/admin/who", "Basic secret", 401},  {"/basic/who", "Basic YW5uOnB3", 200},
      {"/basic/who", "Basic YW5uOnB4", 401}, {"/basic/who", "Basic YW5uOnB", 401},
      {"/basic/who", "Basic !", 401},       {"/basic/who", "Basic ", 401},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lithe_request *request = lithe_new_request("GET", cases[i].uri);
    lithe_request_header(request, "authorization", cases[i].given);
    is_answered(lithe_ask(request), cases[i].status,
                cases[i].status == 200 ? "in" : "Unauthorized");
  }
}

static void streams_have_hooks_of_their_own(void) {
  assert(lithe_is(lithe_client_read(lithe_connect(ask("GET", "/stream"))), "abc"));
  lithe_client *events = lithe_connect(ask("GET", "/events"));
  assert(lithe_is(lithe_client_read(events), "data: 1\n\ndata: 2\n\ndata: 3\n\n"));
  assert(lithe_client_code(events) == 1000);
}

static void health_is_told(void) {
  assert(!lithe_check_health());
  setenv("SICK", "tired", 1);
  assert(lithe_is(lithe_str(lithe_check_health()), "sick: tired"));
}

int main(void) {
  votes_reach_every_socket();
  time_stands_still_until_it_is_moved();
  a_failing_session_hears_no_more();
  long_messages_are_echoed();
  the_tally_and_the_sockets_move();
  a_full_queue_refuses();
  what_a_client_gets_wrong_is_named();
  json_is_read_as_it_is();
  json_is_walked_at_all_levels();
  numbers_are_finite();
  what_is_parsed_is_bounded();
  a_cookie_s_name_is_compared_as_it_was_sent();
  a_location_is_encoded_where_a_uri_could_not_have_it();
  credentials_are_asked_for();
  streams_have_hooks_of_their_own();
  health_is_told();
  return 0;
}

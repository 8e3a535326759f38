/* What comes of a test's request. */

#include "lithe_played.h"

struct lithe_answer {
  int status;
  fields_list headers;
  lithe_text body;
  /* What the request has become; NULL if it has an answer. */
  lithe_client *client;
};

static lithe_answer *new_answer(int status, fields_list headers, lithe_text body) {
  lithe_answer *answer = allocate_lasting(sizeof *answer);
  *answer = (lithe_answer){status, headers, lasting(body.data ? body : lithe_str("")), NULL};
  return answer;
}

static lithe_answer *plain_answer(int status, const char *message) {
  return new_answer(status, (fields_list){NULL, 0}, lithe_str(message));
}

static lithe_answer *answer_of_response(lithe_plugin_http_response_t *response) {
  bool has_body = response->body.tag != LITHE_PLUGIN_HTTP_BODY_EMPTY;
  bool is_text = response->body.tag == LITHE_PLUGIN_HTTP_BODY_TEXT;
  lithe_text body = !has_body ? lithe_str("")
                    : is_text ? heard(&response->body.val.text)
                              : heard_bytes(&response->body.val.bytes);
  lithe_answer *answer = new_answer(response->status, heard_fields(&response->headers), body);
  bool fits = response->status >= 200 && response->status <= 599;
  lithe_plugin_http_response_free(response);
  return fits ? answer : plain_answer(500, "Internal Server Error");
}

static lithe_answer *answer_of_error(lithe_plugin_http_http_error_t *error) {
  bool fits = error->status >= 400 && error->status <= 599;
  lithe_answer *answer = new_answer(fits ? error->status : 500, heard_fields(&error->headers),
                                    heard(&error->message));
  lithe_plugin_http_http_error_free(error);
  return answer;
}

#ifndef LITHE_KIND_ERROR
/* An upgrade or a stream. Only the event that has accepted it may return it. */
static lithe_answer *answer_of_client(lithe_request *request, lithe_socket socket, int status,
                                      lithe_plugin_http_fields_t *headers) {
  lithe_answer *answer = new_answer(status, heard_fields(headers), none);
  free_fields(headers);
  bool is_own = request->accepted && request->accepted->socket == socket;
  if (!is_own) return plain_answer(500, "Internal Server Error");
  answer->client = request->accepted;
  return answer;
}

static lithe_answer *answer_of_outcome(lithe_request *request,
                                       lithe_plugin_outcome_outcome_t *outcome) {
  if (outcome->tag == LITHE_PLUGIN_OUTCOME_OUTCOME_UPGRADE) {
    lithe_plugin_ws_accepted_t *accepted = &outcome->val.upgrade;
    return answer_of_client(request, accepted->socket, 101, &accepted->headers);
  }
  if (outcome->tag == LITHE_PLUGIN_OUTCOME_OUTCOME_STREAMED) {
    lithe_plugin_streams_started_t *started = &outcome->val.streamed;
    return answer_of_client(request, started->socket, started->status, &started->headers);
  }
  return answer_of_response(&outcome->val.response);
}

lithe_answer *lithe_ask(lithe_request *request) {
  lithe_text allowed;
  int found = find_app_route(request, &allowed);
  if (found == 404) return plain_answer(404, "Not Found");
  if (found == 405) {
    lithe_answer *answer = plain_answer(405, "Method Not Allowed");
    add_field(&answer->headers, lithe_str("allow"), allowed);
    return answer;
  }
  lithe_plugin_outcome_outcome_t outcome;
  lithe_plugin_http_http_error_t error;
  lithe_plugin_event_own_event_t event = {request->handle};
  bool is_outcome = HANDLE(event, &outcome, &error);
  lithe_answer *answer =
      is_outcome ? answer_of_outcome(request, &outcome) : answer_of_error(&error);
  if (request->accepted && !answer->client) end_with(request->accepted, 1006, none, false);
  settle();
  return answer;
}

lithe_answer *lithe_ask_error(lithe_request *request, int status, const char *message) {
  (void)request, (void)status, (void)message;
  trap("`lithe_ask_error` is for the kind `error`: ask by `lithe_ask`");
}
#else
lithe_answer *lithe_ask(lithe_request *request) {
  (void)request;
  trap("a component of the kind `error` answers for failures: ask by `lithe_ask_error`");
}

lithe_answer *lithe_ask_error(lithe_request *request, int status, const char *message) {
  lithe_plugin_http_http_error_t error = {
      .status = (uint16_t)status,
      .message = given(lithe_str(message)),
  };
  lithe_plugin_http_response_t response;
  lithe_plugin_http_http_error_t other;
  lithe_plugin_event_own_event_t event = {request->handle};
  bool is_response = exports_lithe_plugin_error_handler_handle(event, &error, &response, &other);
  return is_response ? answer_of_response(&response) : answer_of_error(&other);
}
#endif

int lithe_answer_status(const lithe_answer *answer) { return answer->status; }

lithe_text lithe_answer_header(const lithe_answer *answer, const char *name) {
  return find_field(&answer->headers, lithe_str(name));
}

lithe_text lithe_answer_body(const lithe_answer *answer) { return answer->body; }

/* ---- What a middleware runs around ----------------------------------------------------------- */

#ifdef LITHE_KIND_MIDDLEWARE
static lithe_outcome *(*next_handler)(lithe_event *event);

void lithe_set_next(lithe_outcome *(*next)(lithe_event *event)) { next_handler = next; }

bool lithe_plugin_next_run(lithe_plugin_next_borrow_event_t event,
                           lithe_plugin_outcome_outcome_t *ret,
                           lithe_plugin_http_http_error_t *err) {
  lithe_event *inner = keep_event((lithe_plugin_event_own_event_t){event.__handle});
  lithe_outcome *outcome =
      next_handler ? next_handler(inner) : lithe_failure(404, "Not Found");
  hand_over(outcome);
  if (outcome->kind == FAILURE) {
    *err = outcome->as.failure;
  } else if (outcome->kind == RESPONSE) {
    ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_RESPONSE;
    ret->val.response = outcome->as.response;
  } else {
    trap("what a middleware runs around in a test answers with a response or a failure");
  }
  return outcome->kind != FAILURE;
}
#else
void lithe_set_next(lithe_outcome *(*next)(lithe_event *event)) {
  (void)next;
  trap("`lithe_set_next` is for the kind `middleware`");
}
#endif

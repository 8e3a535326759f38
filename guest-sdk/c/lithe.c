/* The SDK over the generated bindings (`lithe_wit.h`). Built with each component, for its kind:
 * LITHE_KIND_ROUTE, LITHE_KIND_HOOKS, LITHE_KIND_SESSION, LITHE_KIND_MIDDLEWARE or LITHE_KIND_ERROR. */

#include "lithe.h"

#include <stdio.h>
#include <stdlib.h>

#include "lithe_wit.h"

/* ---- What lives until the guest's function returns -------------------------------------------- */

struct lithe_event {
  lithe_plugin_event_own_event_t handle;
};

typedef struct kept {
  struct kept *before;
  void *memory;
  lithe_event *event;
  lithe_outcome *outcome;
} kept;

static kept *all_kept;

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}

static kept *keep(void *memory) {
  kept *entry = allocate(sizeof *entry);
  *entry = (kept){all_kept, memory, NULL, NULL};
  all_kept = entry;
  return entry;
}

static lithe_event *keep_event(lithe_plugin_event_own_event_t handle) {
  lithe_event *event = allocate(sizeof *event);
  event->handle = handle;
  keep(event)->event = event;
  return event;
}

static void free_outcome(lithe_outcome *outcome);

/* A session that goes on keeps its event, which is not one of these. */
static void release(void) {
  while (all_kept) {
    kept *entry = all_kept;
    all_kept = entry->before;
    if (entry->event) lithe_plugin_event_event_drop_own(entry->event->handle);
    if (entry->outcome) free_outcome(entry->outcome);
    free(entry->memory);
    free(entry);
  }
}

/* After each call: what was printed reaches the host's log. */
static void finish(void) {
  release();
  fflush(stdout);
}

/* What the host gave becomes a text of ours, with a zero byte at its end. */
static lithe_text take(uint8_t *data, size_t size) {
  char *copy = allocate(size + 1);
  if (size) {
    memcpy(copy, data, size);
    free(data);
  }
  copy[size] = 0;
  keep(copy);
  return (lithe_text){copy, size};
}

static const lithe_text none = {NULL, 0};

/* A view of a text, for a call that only reads it. */
static lithe_wit_string_t view(lithe_text text) {
  return (lithe_wit_string_t){(uint8_t *)text.data, text.size};
}

static lithe_wit_string_t view_str(const char *string) { return view(lithe_str(string)); }

/* A copy for the host to free. */
static uint8_t *copied(lithe_text text) {
  if (!text.size) return NULL;
  uint8_t *copy = allocate(text.size);
  memcpy(copy, text.data, text.size);
  return copy;
}

static lithe_wit_string_t copy_str(const char *string) {
  lithe_text text = lithe_str(string);
  return (lithe_wit_string_t){copied(text), text.size};
}

/* ---- The request ------------------------------------------------------------------------------ */

static lithe_plugin_event_borrow_event_t borrow(lithe_event *event) {
  return lithe_plugin_event_borrow_event(event->handle);
}

#define ACCESSOR(name, function)                    \
  lithe_text name(lithe_event *event) {             \
    lithe_wit_string_t text;                        \
    function(borrow(event), &text);                 \
    return take(text.ptr, text.len);                \
  }

ACCESSOR(lithe_id, lithe_plugin_event_method_event_id)
ACCESSOR(lithe_method, lithe_plugin_event_method_event_method)
ACCESSOR(lithe_uri, lithe_plugin_event_method_event_uri)
ACCESSOR(lithe_path, lithe_plugin_event_method_event_path)
ACCESSOR(lithe_client_address, lithe_plugin_event_method_event_client_address)

#define LOOKUP(name, function)                                    \
  lithe_text name(lithe_event *event, const char *key) {          \
    lithe_wit_string_t wanted = view_str(key), text;              \
    if (!function(borrow(event), &wanted, &text)) return none;    \
    return take(text.ptr, text.len);                              \
  }

LOOKUP(lithe_header, lithe_plugin_event_method_event_header)
LOOKUP(lithe_param, lithe_plugin_event_method_event_param)
LOOKUP(lithe_local, lithe_plugin_event_method_event_local)

lithe_text lithe_query(lithe_event *event) {
  lithe_wit_string_t text;
  if (!lithe_plugin_event_method_event_query(borrow(event), &text)) return none;
  return take(text.ptr, text.len);
}

lithe_text lithe_body(lithe_event *event) {
  lithe_wit_list_u8_t body;
  lithe_plugin_event_method_event_body(borrow(event), &body);
  return take(body.ptr, body.len);
}

void lithe_set_local(lithe_event *event, const char *key, lithe_text value) {
  lithe_wit_string_t name = view_str(key), text = view(value);
  lithe_plugin_event_method_event_set_local(borrow(event), &name, &text);
}

bool lithe_is_upgrade_request(lithe_event *event) {
  return lithe_plugin_ws_is_upgrade_request(borrow(event));
}

bool lithe_offers_protocol(lithe_event *event, const char *protocol) {
  lithe_wit_list_string_t offered;
  lithe_plugin_ws_requested_protocols(borrow(event), &offered);
  bool found = false;
  for (size_t i = 0; i < offered.len && !found; i++) {
    found = lithe_is((lithe_text){(char *)offered.ptr[i].ptr, offered.ptr[i].len}, protocol);
  }
  lithe_wit_list_string_free(&offered);
  return found;
}

/* ---- What comes of it ------------------------------------------------------------------------- */

/* The contract's outcome, or its error. */
struct lithe_outcome {
  enum { RESPONSE, FAILURE, UPGRADE, STREAM } kind;
  union {
    lithe_plugin_http_response_t response;
    lithe_plugin_http_http_error_t failure;
    lithe_plugin_ws_accepted_t upgrade;
    lithe_plugin_streams_started_t stream;
  } as;
};

static lithe_outcome *new_outcome(void) {
  lithe_outcome *outcome = allocate(sizeof *outcome);
  memset(outcome, 0, sizeof *outcome);
  keep(outcome)->outcome = outcome;
  return outcome;
}

static void free_outcome(lithe_outcome *outcome) {
  switch (outcome->kind) {
    case RESPONSE: lithe_plugin_http_response_free(&outcome->as.response); break;
    case FAILURE: lithe_plugin_http_http_error_free(&outcome->as.failure); break;
    case UPGRADE: lithe_plugin_ws_accepted_free(&outcome->as.upgrade); break;
    case STREAM: lithe_plugin_streams_started_free(&outcome->as.stream); break;
  }
}

/* Its content is the host's now. */
static void hand_over(lithe_outcome *outcome) {
  for (kept *entry = all_kept; entry; entry = entry->before) {
    if (entry->outcome == outcome) entry->outcome = NULL;
  }
}

static lithe_plugin_http_fields_t *fields(lithe_outcome *outcome) {
  switch (outcome->kind) {
    case RESPONSE: return &outcome->as.response.headers;
    case FAILURE: return &outcome->as.failure.headers;
    case UPGRADE: return &outcome->as.upgrade.headers;
    default: return &outcome->as.stream.headers;
  }
}

void lithe_add_header(lithe_outcome *outcome, const char *name, const char *value) {
  lithe_plugin_http_fields_t *headers = fields(outcome);
  size_t size = (headers->len + 1) * sizeof *headers->ptr;
  headers->ptr = headers->len ? realloc(headers->ptr, size) : malloc(size);
  if (!headers->ptr) abort();
  headers->ptr[headers->len++] =
      (lithe_wit_tuple2_string_string_t){copy_str(name), copy_str(value)};
}

int lithe_status(const lithe_outcome *outcome) {
  switch (outcome->kind) {
    case RESPONSE: return outcome->as.response.status;
    case FAILURE: return outcome->as.failure.status;
    case UPGRADE: return 101;
    default: return outcome->as.stream.status;
  }
}

/* A status that does not fit 16 bits is not one: the host answers 500 for it, and logs why. */
static uint16_t status_of(int status) {
  return status < 0 || status > UINT16_MAX ? 0 : (uint16_t)status;
}

lithe_outcome *lithe_respond(int status, const char *content_type, lithe_text body) {
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_http_response_t *response = &outcome->as.response;
  response->status = status_of(status);
  if (body.size) {
    response->body.tag = LITHE_PLUGIN_HTTP_BODY_BYTES;
    response->body.val.bytes = (lithe_wit_list_u8_t){copied(body), body.size};
  }
  if (content_type) lithe_add_header(outcome, "content-type", content_type);
  return outcome;
}

lithe_outcome *lithe_failure(int status, const char *message) {
  lithe_outcome *outcome = new_outcome();
  outcome->kind = FAILURE;
  outcome->as.failure.status = status_of(status);
  outcome->as.failure.message = copy_str(message);
  return outcome;
}

lithe_outcome *lithe_upgrade(lithe_event *event, const lithe_upgrade_options *options) {
  static const lithe_upgrade_options defaults;
  if (!options) options = &defaults;
  lithe_plugin_ws_upgrade_options_t asked = {0};
  asked.protocol.is_some = options->protocol != NULL;
  asked.protocol.val = view_str(options->protocol);
  asked.attachment =
      (lithe_wit_list_u8_t){(uint8_t *)options->attachment.data, options->attachment.size};
  asked.pinned = options->pinned;
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_ws_accepted_t accepted;
  lithe_plugin_http_http_error_t failure;
  if (lithe_plugin_ws_upgrade(borrow(event), &asked, &accepted, &failure)) {
    outcome->kind = UPGRADE;
    outcome->as.upgrade = accepted;
  } else {
    outcome->kind = FAILURE;
    outcome->as.failure = failure;
  }
  return outcome;
}

lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            lithe_socket *socket) {
  lithe_plugin_streams_stream_options_t asked = {0};
  lithe_wit_tuple2_string_string_t header = {view_str("content-type"), view_str(content_type)};
  asked.status = status_of(status);
  if (content_type) asked.headers = (lithe_plugin_http_fields_t){&header, 1};
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_streams_started_t started;
  lithe_plugin_http_http_error_t failure;
  if (lithe_plugin_streams_start(borrow(event), &asked, &started, &failure)) {
    outcome->kind = STREAM;
    outcome->as.stream = started;
    if (socket) *socket = started.socket;
  } else {
    outcome->kind = FAILURE;
    outcome->as.failure = failure;
  }
  return outcome;
}

/* ---- Sockets ---------------------------------------------------------------------------------- */

/* A view of a message, for a call that only reads it. */
static lithe_plugin_socket_message_t view_message(lithe_message message) {
  lithe_plugin_socket_message_t made = {0};
  if (message.is_binary) {
    made.tag = LITHE_PLUGIN_SOCKET_MESSAGE_BINARY;
    made.val.binary = (lithe_wit_list_u8_t){(uint8_t *)message.content.data, message.content.size};
  } else {
    made.tag = LITHE_PLUGIN_SOCKET_MESSAGE_TEXT;
    made.val.text = view(message.content);
  }
  return made;
}

lithe_sent lithe_send(lithe_socket socket, lithe_message message) {
  lithe_plugin_socket_message_t made = view_message(message);
  lithe_plugin_socket_send_error_t error;
  if (lithe_plugin_socket_send(socket, &made, &error)) return LITHE_SENT;
  switch (error.tag) {
    case LITHE_PLUGIN_SOCKET_SEND_ERROR_TOO_LARGE: return LITHE_SEND_TOO_LARGE;
    case LITHE_PLUGIN_SOCKET_SEND_ERROR_QUEUE_FULL: return LITHE_SEND_QUEUE_FULL;
    default: return LITHE_SEND_CLOSED;
  }
}

lithe_sent lithe_send_text(lithe_socket socket, lithe_text text) {
  return lithe_send(socket, (lithe_message){text, false});
}

lithe_sent lithe_send_binary(lithe_socket socket, lithe_text bytes) {
  return lithe_send(socket, (lithe_message){bytes, true});
}

bool lithe_close(lithe_socket socket, int code, const char *reason) {
  uint16_t number = status_of(code);
  lithe_wit_string_t text = view_str(reason);
  lithe_plugin_socket_close_error_t error;
  return lithe_plugin_socket_close(socket, &number, &text, &error);
}

void lithe_fail(lithe_socket socket, const char *reason) {
  lithe_wit_string_t text = view_str(reason);
  lithe_plugin_socket_fail(socket, &text);
}

void lithe_terminate(lithe_socket socket) { lithe_plugin_socket_terminate(socket); }

lithe_state lithe_state_of(lithe_socket socket) {
  return (lithe_state)lithe_plugin_socket_state(socket);
}

lithe_text lithe_protocol(lithe_socket socket) {
  lithe_wit_string_t text;
  if (!lithe_plugin_socket_protocol(socket, &text)) return none;
  return take(text.ptr, text.len);
}

uint32_t lithe_buffered_amount(lithe_socket socket) {
  return lithe_plugin_socket_buffered_amount(socket);
}

lithe_event *lithe_event_of(lithe_socket socket) {
  lithe_plugin_socket_own_event_t handle;
  return lithe_plugin_socket_event_of(socket, &handle) ? keep_event(handle) : NULL;
}

lithe_text lithe_attachment(lithe_socket socket) {
  lithe_wit_list_u8_t value;
  lithe_plugin_socket_attachment(socket, &value);
  return take(value.ptr, value.len);
}

bool lithe_set_attachment(lithe_socket socket, lithe_text value) {
  lithe_wit_list_u8_t bytes = {(uint8_t *)value.data, value.size};
  lithe_plugin_socket_attachment_error_t error;
  return lithe_plugin_socket_set_attachment(socket, &bytes, &error);
}

/* ---- Topics ----------------------------------------------------------------------------------- */

bool lithe_subscribe(lithe_socket socket, lithe_text topic) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_subscribe_error_t error;
  return lithe_plugin_topics_subscribe(socket, &name, &error);
}

void lithe_unsubscribe(lithe_socket socket, lithe_text topic) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_unsubscribe(socket, &name);
}

uint32_t lithe_publish(lithe_text topic, lithe_message message, lithe_socket not_to) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_socket_message_t made = view_message(message);
  return lithe_plugin_topics_publish(&name, &made, not_to == LITHE_NOBODY ? NULL : &not_to);
}

size_t lithe_subscriptions(lithe_socket socket, const lithe_text **topics) {
  lithe_wit_list_string_t names;
  lithe_plugin_topics_subscriptions(socket, &names);
  lithe_text *texts = allocate(names.len * sizeof *texts);
  keep(texts);
  for (size_t i = 0; i < names.len; i++) texts[i] = take(names.ptr[i].ptr, names.ptr[i].len);
  if (names.len) free(names.ptr);
  *topics = texts;
  return names.len;
}

size_t lithe_members(lithe_text topic, const lithe_socket **sockets) {
  lithe_wit_string_t name = view(topic);
  lithe_plugin_topics_list_socket_id_t members;
  lithe_plugin_topics_members(topic.data ? &name : NULL, &members);
  if (members.len) keep(members.ptr);
  if (sockets) *sockets = members.len ? members.ptr : NULL;
  return members.len;
}

/* ---- What the host calls ---------------------------------------------------------------------- */

#if defined(LITHE_KIND_HOOKS) || defined(LITHE_KIND_SESSION)
__attribute__((__weak__)) lithe_outcome *lithe_on_request(lithe_event *event) {
  return lithe_upgrade(event, NULL);
}
#endif

#ifdef LITHE_KIND_ERROR
bool exports_lithe_plugin_error_handler_handle(
    exports_lithe_plugin_error_handler_own_event_t event, lithe_plugin_http_http_error_t *error,
    lithe_plugin_http_response_t *ret, lithe_plugin_http_http_error_t *err) {
  lithe_text message = {(char *)error->message.ptr, error->message.len};
  lithe_outcome *outcome =
      lithe_on_error(keep_event(event), (lithe_error){error->status, message});
  bool is_response = outcome && outcome->kind == RESPONSE;
  if (is_response) {
    hand_over(outcome);
    *ret = outcome->as.response;
    lithe_plugin_http_http_error_free(error);
  } else if (outcome && outcome->kind == FAILURE) {
    hand_over(outcome);
    *err = outcome->as.failure;
    lithe_plugin_http_http_error_free(error);
  } else {
    *err = *error;
  }
  finish();
  return is_response;
}
#else

#ifdef LITHE_KIND_MIDDLEWARE
#define HANDLE exports_lithe_plugin_middleware_handle

lithe_outcome *lithe_next(lithe_event *event) {
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_outcome_outcome_t made;
  lithe_plugin_http_http_error_t failure;
  if (!lithe_plugin_next_run(borrow(event), &made, &failure)) {
    outcome->kind = FAILURE;
    outcome->as.failure = failure;
  } else if (made.tag == LITHE_PLUGIN_OUTCOME_OUTCOME_UPGRADE) {
    outcome->kind = UPGRADE;
    outcome->as.upgrade = made.val.upgrade;
  } else if (made.tag == LITHE_PLUGIN_OUTCOME_OUTCOME_STREAMED) {
    outcome->kind = STREAM;
    outcome->as.stream = made.val.streamed;
  } else {
    outcome->as.response = made.val.response;
  }
  return outcome;
}
#else
#define HANDLE exports_lithe_plugin_handler_handle
#endif

bool HANDLE(lithe_plugin_event_own_event_t event, lithe_plugin_outcome_outcome_t *ret,
            lithe_plugin_http_http_error_t *err) {
  lithe_outcome *outcome = lithe_on_request(keep_event(event));
  if (!outcome) {
    fputs("`lithe_on_request` returned NULL instead of an outcome\n", stderr);
    abort();
  }
  hand_over(outcome);
  bool is_failure = outcome->kind == FAILURE;
  switch (outcome->kind) {
    case RESPONSE:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_RESPONSE;
      ret->val.response = outcome->as.response;
      break;
    case FAILURE: *err = outcome->as.failure; break;
    case UPGRADE:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_UPGRADE;
      ret->val.upgrade = outcome->as.upgrade;
      break;
    case STREAM:
      ret->tag = LITHE_PLUGIN_OUTCOME_OUTCOME_STREAMED;
      ret->val.streamed = outcome->as.stream;
      break;
  }
  finish();
  return !is_failure;
}
#endif

#if defined(LITHE_KIND_HOOKS) || defined(LITHE_KIND_SESSION)
static lithe_message message_of(const lithe_plugin_socket_message_t *message) {
  bool is_binary = message->tag == LITHE_PLUGIN_SOCKET_MESSAGE_BINARY;
  lithe_text content = {(char *)message->val.text.ptr, message->val.text.len};
  return (lithe_message){content, is_binary};
}
#endif

#ifdef LITHE_KIND_HOOKS
__attribute__((__weak__)) void lithe_on_open(lithe_socket socket) { (void)socket; }
__attribute__((__weak__)) void lithe_on_message(lithe_socket socket, lithe_message message) {
  (void)socket, (void)message;
}
__attribute__((__weak__)) void lithe_on_drain(lithe_socket socket) { (void)socket; }
__attribute__((__weak__)) void lithe_on_close(lithe_socket socket, lithe_close_info info) {
  (void)socket, (void)info;
}
__attribute__((__weak__)) void lithe_on_timer(uint32_t timer) { (void)timer; }

uint32_t lithe_set_timer(uint32_t milliseconds, bool repeat) {
  uint32_t timer;
  lithe_plugin_timers_timer_error_t error;
  return lithe_plugin_timers_set(milliseconds, repeat, &timer, &error) ? timer : 0;
}

void lithe_cancel_timer(uint32_t timer) { lithe_plugin_timers_cancel(timer); }

void exports_lithe_plugin_hooks_open(lithe_socket socket) {
  lithe_on_open(socket);
  finish();
}

void exports_lithe_plugin_hooks_receive(lithe_socket socket,
                                        exports_lithe_plugin_hooks_list_message_t *messages) {
  for (size_t i = 0; i < messages->len; i++) {
    lithe_on_message(socket, message_of(&messages->ptr[i]));
    release();
  }
  exports_lithe_plugin_hooks_list_message_free(messages);
  finish();
}

void exports_lithe_plugin_hooks_drain(lithe_socket socket) {
  lithe_on_drain(socket);
  finish();
}

void exports_lithe_plugin_hooks_close(lithe_socket socket,
                                      exports_lithe_plugin_hooks_close_info_t *info) {
  lithe_text reason = {(char *)info->reason.ptr, info->reason.len};
  lithe_on_close(socket, (lithe_close_info){info->code, reason, info->clean});
  exports_lithe_plugin_hooks_close_info_free(info);
  finish();
}

void exports_lithe_plugin_hooks_timer(uint32_t timer) {
  lithe_on_timer(timer);
  finish();
}
#endif

#ifdef LITHE_KIND_SESSION
static lithe_plugin_receiver_received_t last;

static void forget_last(void) {
  lithe_plugin_receiver_received_free(&last);
  memset(&last, 0, sizeof last);
  last.tag = LITHE_PLUGIN_RECEIVER_RECEIVED_TIMED_OUT;
  finish();
}

static lithe_received receive(lithe_socket socket, uint32_t *milliseconds, lithe_message *message,
                              lithe_close_info *info) {
  static bool has_last;
  if (has_last) forget_last();
  has_last = true;
  lithe_plugin_receiver_receive(socket, milliseconds, &last);
  switch (last.tag) {
    case LITHE_PLUGIN_RECEIVER_RECEIVED_MESSAGE:
      *message = message_of(&last.val.message);
      return LITHE_MESSAGE;
    case LITHE_PLUGIN_RECEIVER_RECEIVED_CLOSED:
      if (info) {
        lithe_plugin_socket_close_info_t *closed = &last.val.closed;
        lithe_text reason = {(char *)closed->reason.ptr, closed->reason.len};
        *info = (lithe_close_info){closed->code, reason, closed->clean};
      }
      return LITHE_ENDED;
    default: return LITHE_TIMED_OUT;
  }
}

bool lithe_receive(lithe_socket socket, lithe_message *message) {
  return receive(socket, NULL, message, NULL) == LITHE_MESSAGE;
}

lithe_received lithe_receive_within(lithe_socket socket, uint32_t milliseconds,
                                    lithe_message *message, lithe_close_info *info) {
  return receive(socket, &milliseconds, message, info);
}

void exports_lithe_plugin_session_run(lithe_socket socket) {
  lithe_on_session(socket);
  finish();
}
#endif

/* A callback of another kind would never be called. Defining it is a duplicate of these. */
#ifndef LITHE_KIND_HOOKS
void lithe_on_open(lithe_socket socket) { (void)socket; }
void lithe_on_message(lithe_socket socket, lithe_message message) { (void)socket, (void)message; }
void lithe_on_drain(lithe_socket socket) { (void)socket; }
void lithe_on_close(lithe_socket socket, lithe_close_info info) { (void)socket, (void)info; }
void lithe_on_timer(uint32_t timer) { (void)timer; }
#endif
#ifndef LITHE_KIND_SESSION
void lithe_on_session(lithe_socket socket) { (void)socket; }
#endif
#ifdef LITHE_KIND_ERROR
lithe_outcome *lithe_on_request(lithe_event *event) { return (void)event, NULL; }
#else
lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error) {
  return (void)event, (void)error, NULL;
}
#endif

/* The bindings ask for an object file with the contract's types, which `lithe build` adds itself. */
void __component_type_object_force_link_lithe_wit(void) {}

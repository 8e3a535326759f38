/* What comes of a request: a response, a failure, an upgrade or a stream. */

#include "lithe_internal.h"

static void drop_content(void *memory) {
  lithe_outcome *outcome = memory;
  switch (outcome->kind) {
    case RESPONSE: lithe_plugin_http_response_free(&outcome->as.response); break;
    case FAILURE: lithe_plugin_http_http_error_free(&outcome->as.failure); break;
    case UPGRADE: lithe_plugin_ws_accepted_free(&outcome->as.upgrade); break;
    case STREAM: lithe_plugin_streams_started_free(&outcome->as.stream); break;
  }
}

static lithe_outcome *new_outcome(void) {
  lithe_outcome *outcome = allocate(sizeof *outcome);
  memset(outcome, 0, sizeof *outcome);
  keep(outcome, drop_content);
  return outcome;
}

static void fail(lithe_outcome *outcome, lithe_plugin_http_http_error_t failure) {
  outcome->kind = FAILURE;
  outcome->as.failure = failure;
}

static void hand_over(lithe_outcome *outcome) { keep_plain(outcome); }

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

static uint16_t short_of(int number) {
  return number < 0 || number > UINT16_MAX ? 0 : (uint16_t)number;
}

lithe_outcome *lithe_respond(int status, const char *content_type, lithe_text body) {
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_http_response_t *response = &outcome->as.response;
  response->status = short_of(status);
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
  outcome->as.failure.status = short_of(status);
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
    fail(outcome, failure);
  }
  return outcome;
}

lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            lithe_socket *socket) {
  lithe_plugin_streams_stream_options_t asked = {0};
  lithe_wit_tuple2_string_string_t header = {view_str("content-type"), view_str(content_type)};
  asked.status = short_of(status);
  if (content_type) asked.headers = (lithe_plugin_http_fields_t){&header, 1};
  lithe_outcome *outcome = new_outcome();
  lithe_plugin_streams_started_t started;
  lithe_plugin_http_http_error_t failure;
  if (lithe_plugin_streams_start(borrow(event), &asked, &started, &failure)) {
    outcome->kind = STREAM;
    outcome->as.stream = started;
    if (socket) *socket = started.socket;
  } else {
    fail(outcome, failure);
  }
  return outcome;
}

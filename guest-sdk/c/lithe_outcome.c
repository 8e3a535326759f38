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

static bool is_named(const lithe_wit_tuple2_string_string_t *header, const char *name) {
  return equals_in_any_case(text_of(header->f0), lithe_str(name));
}

void lithe_set_header(lithe_outcome *outcome, const char *name, const char *value) {
  lithe_plugin_http_fields_t *headers = fields(outcome);
  size_t left = 0;
  for (size_t i = 0; i < headers->len; i++) {
    if (is_named(&headers->ptr[i], name)) {
      lithe_wit_string_free(&headers->ptr[i].f0);
      lithe_wit_string_free(&headers->ptr[i].f1);
    } else {
      headers->ptr[left++] = headers->ptr[i];
    }
  }
  if (headers->len && !left) free(headers->ptr);
  headers->len = left;
  lithe_add_header(outcome, name, value);
}

lithe_text lithe_outcome_header(const lithe_outcome *outcome, const char *name) {
  const lithe_plugin_http_fields_t *headers = fields((lithe_outcome *)outcome);
  for (size_t i = 0; i < headers->len; i++) {
    if (is_named(&headers->ptr[i], name)) return kept_copy(text_of(headers->ptr[i].f1));
  }
  return none;
}

int lithe_status(const lithe_outcome *outcome) {
  switch (outcome->kind) {
    case RESPONSE: return outcome->as.response.status;
    case FAILURE: return outcome->as.failure.status;
    case UPGRADE: return 101;
    default: return outcome->as.stream.status;
  }
}

bool lithe_is_failure(const lithe_outcome *outcome) { return outcome->kind == FAILURE; }

static lithe_error error_of(const lithe_plugin_http_http_error_t *failure) {
  lithe_field *headers = allocate(failure->headers.len * sizeof *headers);
  keep(headers, NULL);
  for (size_t i = 0; i < failure->headers.len; i++) {
    const lithe_wit_tuple2_string_string_t *header = &failure->headers.ptr[i];
    headers[i] = (lithe_field){kept_copy(text_of(header->f0)), kept_copy(text_of(header->f1))};
  }
  return (lithe_error){failure->status, kept_copy(text_of(failure->message)), headers,
                       failure->headers.len};
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

lithe_outcome *lithe_respond_text(int status, lithe_text text) {
  return lithe_respond(status, "text/plain; charset=utf-8", text);
}

lithe_outcome *lithe_respond_json(int status, lithe_text json) {
  return lithe_respond(status, "application/json", json);
}

/* Whether a byte may stand in a URI; `%` may. A `\` may not: browsers take it for a `/`. */
static bool is_uri_byte(unsigned char byte) {
  return byte > 0x20 && byte < 0x7F && !strchr("\"<>\\", byte);
}

lithe_outcome *lithe_redirect(int status, const char *location) {
  bool is_redirect = status == 301 || status == 302 || status == 303 || status == 307 ||
                     status == 308;
  if (!is_redirect) {
    const char *reason = "%d is not the status of a redirect: use 301, 302, 303, 307 or 308";
    return lithe_fault(lithe_format(reason, status).data);
  }
  lithe_outcome *outcome = lithe_respond(status, NULL, none);
  lithe_add_header(outcome, "location", percent_encoded(location, is_uri_byte));
  return outcome;
}

lithe_outcome *lithe_failure(int status, const char *message) {
  lithe_outcome *outcome = new_outcome();
  outcome->kind = FAILURE;
  outcome->as.failure.status = short_of(status);
  outcome->as.failure.message = copy_str(message);
  return outcome;
}

lithe_outcome *lithe_fault(const char *reason) {
  fputs(reason, stderr);
  fputc('\n', stderr);
  return lithe_failure(500, "Internal Server Error");
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

/* Responses whose body is sent piece by piece, and server-sent events (HTML Standard, 9.2). */

#include "lithe_internal.h"

lithe_outcome *lithe_stream_with(lithe_event *event, const lithe_stream_options *options,
                                 lithe_socket *socket) {
  lithe_plugin_streams_stream_options_t asked = {0};
  lithe_wit_tuple2_string_string_t header = {view_str("content-type"),
                                             view_str(options->content_type)};
  asked.status = short_of(options->status);
  if (options->content_type) asked.headers = (lithe_plugin_http_fields_t){&header, 1};
  asked.attachment =
      (lithe_wit_list_u8_t){(uint8_t *)options->attachment.data, options->attachment.size};
  asked.pinned = options->pinned;
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

lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            lithe_socket *socket) {
  lithe_stream_options options = {.status = status, .content_type = content_type};
  return lithe_stream_with(event, &options, socket);
}

lithe_outcome *lithe_event_stream(lithe_event *event, lithe_socket *socket) {
  lithe_outcome *outcome = lithe_stream(event, 200, "text/event-stream", socket);
  if (outcome->kind == STREAM) lithe_add_header(outcome, "cache-control", "no-cache");
  return outcome;
}

/* Writes a field of one line, unless its value is absent. A browser takes `\r` for the end of a
 * line, too. */
static void write_field(lithe_text *event, const char *name, const char *value) {
  if (!value) return;
  char *line = blank(strlen(value));
  for (size_t i = 0; value[i]; i++) line[i] = value[i] == '\r' || value[i] == '\n' ? ' ' : value[i];
  *event = lithe_format("%s%s: %s\n", event->data, name, line);
}

/* Writes a field for each line of a text, unless that is absent. */
static void write_lines(lithe_text *event, const char *name, lithe_text text) {
  if (!text.data) return;
  size_t lines = 1;
  for (size_t i = 0; i < text.size; i++) lines += text.data[i] == '\r' || text.data[i] == '\n';
  size_t prefix = strlen(name) + 2;
  char *made = blank(event->size + text.size + lines * (prefix + 1));
  memcpy(made, event->data, event->size);
  char *end = made + event->size;
  for (size_t i = 0, start = 0; i <= text.size; i++) {
    if (i < text.size && text.data[i] != '\r' && text.data[i] != '\n') continue;
    end += sprintf(end, "%s: ", name);
    memcpy(end, text.data + start, i - start);
    end += i - start;
    *end++ = '\n';
    bool is_pair = i + 1 < text.size && text.data[i] == '\r' && text.data[i + 1] == '\n';
    i += is_pair;
    start = i + 1;
  }
  *end = 0;
  *event = (lithe_text){made, (size_t)(end - made)};
}

lithe_sent lithe_send_event(lithe_socket socket, const lithe_sse *event) {
  lithe_text made = lithe_str("");
  write_field(&made, "event", event->event);
  write_field(&made, "id", event->id);
  if (event->retry) made = lithe_format("%sretry: %u\n", made.data, (unsigned)event->retry);
  write_lines(&made, "", lithe_str(event->comment));
  write_lines(&made, "data", event->data);
  char *whole = blank(made.size + 1);
  memcpy(whole, made.data, made.size);
  whole[made.size] = '\n';
  return lithe_send_text(socket, (lithe_text){whole, made.size + 1});
}

/* The sockets of the played host, and the streams: a socket that only sends. */

#include "lithe_played.h"

static lithe_client *known(lithe_socket socket) {
  if (socket < 1 || socket > client_count) return NULL;
  lithe_client *client = all_clients[socket - 1];
  return client->is_gone ? NULL : client;
}

static void enqueue(queue *queue, lithe_message message) {
  queue->items = grown(queue->items, queue->count, sizeof *queue->items);
  message.content = lasting(message.content.data ? message.content : lithe_str(""));
  queue->items[queue->count++] = (queued){message, time_now};
}

static bool dequeue(queue *queue, queued *next) {
  if (queue->taken == queue->count) return false;
  *next = queue->items[queue->taken++];
  return true;
}

static void end_with(lithe_client *client, int code, lithe_text reason, bool clean) {
  if (client->end.code) return;
  client->end = (lithe_close_info){code, lasting(reason), clean};
  client->state = LITHE_CLOSING;
}

static lithe_client *accept_client(lithe_request *request, lithe_text attachment, bool is_pinned) {
  lithe_client *client = allocate_lasting(sizeof *client);
  *client = (lithe_client){
      .request = request,
      .attachment = lasting(attachment),
      .is_pinned = is_pinned,
      .failure = none,
      .session_time = time_now,
  };
  all_clients = grown(all_clients, client_count, sizeof *all_clients);
  all_clients[client_count++] = client;
  client->socket = (lithe_socket)client_count;
  request->accepted = client;
  return client;
}

/* ---- Handshakes ------------------------------------------------------------------------------ */

/* Whether a header is a list that has this token, in any case. */
static bool has_token(const lithe_request *request, const char *name, const char *token) {
  lithe_text rest = find_field(&request->headers, lithe_str(name)), item;
  while (rest.size) {
    split(rest, ',', &item, &rest);
    if (equals_in_any_case(trimmed(item), lithe_str(token))) return true;
  }
  return false;
}

bool lithe_plugin_ws_is_supported(void) { return HAS_SESSIONS; }

bool lithe_plugin_ws_is_upgrade_request(lithe_plugin_ws_borrow_event_t event) {
  const lithe_request *request = request_of(event.__handle);
  return lithe_is(request->method, "GET") && has_token(request, "connection", "upgrade") &&
         has_token(request, "upgrade", "websocket");
}

void lithe_plugin_ws_requested_protocols(lithe_plugin_ws_borrow_event_t event,
                                         lithe_wit_list_string_t *ret) {
  lithe_text header = lithe_str("sec-websocket-protocol"), item;
  lithe_text rest = find_field(&request_of(event.__handle)->headers, header);
  *ret = (lithe_wit_list_string_t){NULL, 0};
  while (rest.size) {
    split(rest, ',', &item, &rest);
    if (!trimmed(item).size) continue;
    ret->ptr = grown(ret->ptr, ret->len, sizeof *ret->ptr);
    ret->ptr[ret->len++] = given(trimmed(item));
  }
}

/* A failure for the component, with a header unless its name is NULL. */
static bool refuse(lithe_plugin_http_http_error_t *error, int status, const char *message,
                   const char *name, const char *value) {
  fields_list headers = {NULL, 0};
  if (name) add_field(&headers, lithe_str(name), lithe_str(value));
  *error = (lithe_plugin_http_http_error_t){
      .status = (uint16_t)status,
      .headers = given_fields(&headers),
      .message = given(lithe_str(message)),
  };
  return false;
}

/* A mistake of the component, which the log tells of. */
static bool refuse_mistake(lithe_plugin_http_http_error_t *error, const char *mistake) {
  fprintf(stderr, "%s\n", mistake);
  return refuse(error, 500, "Internal Server Error", NULL, NULL);
}

/* Why a request cannot become a socket; NULL if it can. */
static const char *mistake_in(const lithe_request *request, size_t attachment) {
  if (attachment > ATTACHMENT_LIMIT) return "the attachment is larger than 16 KiB";
  if (request->accepted) return "this event has been upgraded, or its body streamed, already";
  return NULL;
}

bool lithe_plugin_ws_upgrade(lithe_plugin_ws_borrow_event_t event,
                             lithe_plugin_ws_upgrade_options_t *options,
                             lithe_plugin_ws_accepted_t *ret, lithe_plugin_http_http_error_t *err) {
  lithe_request *request = request_of(event.__handle);
  if (!lithe_is(request->method, "GET")) {
    return refuse(err, 405, "Method Not Allowed", "allow", "GET");
  }
  if (!HAS_SESSIONS) return refuse(err, 501, "Not Implemented", NULL, NULL);
  if (!lithe_plugin_ws_is_upgrade_request(event)) {
    return refuse(err, 426, "Upgrade Required", "upgrade", "websocket");
  }
  if (options->protocol.is_some &&
      !has_token(request, "sec-websocket-protocol",
                 kept_copy(heard(&options->protocol.val)).data)) {
    return refuse_mistake(err, "the component accepts a protocol that was not requested");
  }
  const char *mistake = mistake_in(request, options->attachment.len);
  if (mistake) return refuse_mistake(err, mistake);
  lithe_client *client = accept_client(request, heard_bytes(&options->attachment), options->pinned);
  if (options->protocol.is_some) client->protocol = lasting(heard(&options->protocol.val));
  fields_list headers = heard_fields(&options->headers);
  *ret = (lithe_plugin_ws_accepted_t){client->socket, given_fields(&headers)};
  return true;
}

bool lithe_plugin_streams_start(lithe_plugin_streams_borrow_event_t event,
                                lithe_plugin_streams_stream_options_t *options,
                                lithe_plugin_streams_started_t *ret,
                                lithe_plugin_http_http_error_t *err) {
  lithe_request *request = request_of(event.__handle);
  if (!HAS_SESSIONS) return refuse(err, 501, "Not Implemented", NULL, NULL);
  if (options->status < 200 || options->status > 599) {
    return refuse_mistake(err, "the status of a stream is from 200 to 599");
  }
  const char *mistake = mistake_in(request, options->attachment.len);
  if (mistake) return refuse_mistake(err, mistake);
  lithe_client *client = accept_client(request, heard_bytes(&options->attachment), options->pinned);
  client->is_stream = true;
  fields_list headers = heard_fields(&options->headers);
  *ret = (lithe_plugin_streams_started_t){client->socket, options->status, given_fields(&headers)};
  return true;
}

/* ---- What a component does with a socket ----------------------------------------------------- */

static bool refuse_send(lithe_plugin_socket_send_error_t *error, int tag) {
  *error = (lithe_plugin_socket_send_error_t){.tag = (uint8_t)tag};
  return false;
}

bool lithe_plugin_socket_send(lithe_socket to, lithe_plugin_socket_message_t *message,
                              lithe_plugin_socket_send_error_t *err) {
  lithe_client *client = known(to);
  bool is_binary = message->tag == LITHE_PLUGIN_SOCKET_MESSAGE_BINARY;
  lithe_text content =
      is_binary ? heard_bytes(&message->val.binary) : heard(&message->val.text);
  if (!client || client->state > LITHE_OPEN) {
    return refuse_send(err, LITHE_PLUGIN_SOCKET_SEND_ERROR_CLOSED);
  }
  if (content.size > MESSAGE_LIMIT) {
    return refuse_send(err, LITHE_PLUGIN_SOCKET_SEND_ERROR_TOO_LARGE);
  }
  if (client->limit && client->waiting + content.size > client->limit) {
    client->found_full = true;
    return refuse_send(err, LITHE_PLUGIN_SOCKET_SEND_ERROR_QUEUE_FULL);
  }
  client->waiting += content.size;
  enqueue(&client->outbound, (lithe_message){content, is_binary});
  return true;
}

bool lithe_plugin_socket_close(lithe_socket socket, uint16_t *maybe_code,
                               lithe_wit_string_t *reason,
                               lithe_plugin_socket_close_error_t *err) {
  int code = maybe_code ? *maybe_code : 1000;
  if (code != 1000 && (code < 3000 || code > 4999)) {
    *err = (lithe_plugin_socket_close_error_t){
        .tag = LITHE_PLUGIN_SOCKET_CLOSE_ERROR_INVALID_CODE};
    return false;
  }
  if (heard(reason).size > 123) {
    *err = (lithe_plugin_socket_close_error_t){
        .tag = LITHE_PLUGIN_SOCKET_CLOSE_ERROR_REASON_TOO_LONG};
    return false;
  }
  lithe_client *client = known(socket);
  if (client) end_with(client, code, heard(reason), true);
  return true;
}

void lithe_plugin_socket_fail(lithe_socket socket, lithe_wit_string_t *reason) {
  lithe_client *client = known(socket);
  if (!client) return;
  if (!client->failure.data) client->failure = lasting(heard(reason));
  end_with(client, 1011, none, true);
}

void lithe_plugin_socket_terminate(lithe_socket socket) {
  lithe_client *client = known(socket);
  if (!client) return;
  client->outbound.taken = client->outbound.count;
  end_with(client, 1006, none, false);
}

lithe_plugin_socket_ready_state_t lithe_plugin_socket_state(lithe_socket socket) {
  lithe_client *client = known(socket);
  return (lithe_plugin_socket_ready_state_t)(client ? client->state : LITHE_CLOSED);
}

bool lithe_plugin_socket_protocol(lithe_socket socket, lithe_wit_string_t *ret) {
  lithe_client *client = known(socket);
  if (!client || !client->protocol.data) return false;
  *ret = given(client->protocol);
  return true;
}

uint32_t lithe_plugin_socket_buffered_amount(lithe_socket socket) {
  lithe_client *client = known(socket);
  return client ? (uint32_t)client->waiting : 0;
}

bool lithe_plugin_socket_event_of(lithe_socket socket, lithe_plugin_socket_own_event_t *ret) {
  lithe_client *client = known(socket);
  if (client) *ret = (lithe_plugin_socket_own_event_t){client->request->handle};
  return client != NULL;
}

void lithe_plugin_socket_attachment(lithe_socket socket, lithe_wit_list_u8_t *ret) {
  lithe_client *client = known(socket);
  *ret = given_bytes(client ? client->attachment : none);
}

bool lithe_plugin_socket_set_attachment(lithe_socket socket, lithe_wit_list_u8_t *value,
                                        lithe_plugin_socket_attachment_error_t *err) {
  lithe_client *client = known(socket);
  bool is_kept = client && value->len <= ATTACHMENT_LIMIT;
  if (is_kept) client->attachment = lasting(heard_bytes(value));
  if (!is_kept) {
    err->tag = client ? LITHE_PLUGIN_SOCKET_ATTACHMENT_ERROR_TOO_LARGE
                      : LITHE_PLUGIN_SOCKET_ATTACHMENT_ERROR_CLOSED;
  }
  return is_kept;
}

/* ---- What a component hears ------------------------------------------------------------------ */

static void settle(void) {
  for (size_t i = 0; i < client_count; i++) {
    lithe_client *client = all_clients[i];
    if (client->is_gone || client->state != LITHE_CLOSING) continue;
    client->state = LITHE_CLOSED;
#ifdef LITHE_KIND_HOOKS
    exports_lithe_plugin_hooks_close_info_t info = {(uint16_t)client->end.code,
                                                    given(client->end.reason), client->end.clean};
    exports_lithe_plugin_hooks_close(client->socket, &info);
#endif
    client->is_gone = true;
    leave_topics(client->socket);
    /* The component may have ended any other. */
    i = (size_t)-1;
  }
}

#ifdef LITHE_KIND_SESSION
void lithe_plugin_receiver_receive(lithe_socket socket, uint32_t *maybe_timeout_ms,
                                   lithe_plugin_receiver_received_t *ret) {
  lithe_client *client = known(socket);
  if (!client) trap("the session receives from a socket that is not its own");
  queue *inbound = &client->inbound;
  bool has_next = inbound->taken < inbound->count;
  uint64_t arrival = has_next ? inbound->items[inbound->taken].time : time_now;
  if (maybe_timeout_ms && client->session_time + *maybe_timeout_ms < arrival) {
    client->session_time += *maybe_timeout_ms;
    ret->tag = LITHE_PLUGIN_RECEIVER_RECEIVED_TIMED_OUT;
    return;
  }
  if (client->session_time < arrival) client->session_time = arrival;
  queued next;
  if (!client->end.code && dequeue(inbound, &next)) {
    ret->tag = LITHE_PLUGIN_RECEIVER_RECEIVED_MESSAGE;
    ret->val.message.tag = next.message.is_binary ? LITHE_PLUGIN_SOCKET_MESSAGE_BINARY
                                                  : LITHE_PLUGIN_SOCKET_MESSAGE_TEXT;
    ret->val.message.val.text = given(next.message.content);
    return;
  }
  end_with(client, client->client_end.code, client->client_end.reason, client->client_end.clean);
  client->state = LITHE_CLOSED;
  ret->tag = LITHE_PLUGIN_RECEIVER_RECEIVED_CLOSED;
  ret->val.closed = (lithe_plugin_receiver_close_info_t){
      (uint16_t)client->end.code, given(client->end.reason), client->end.clean};
}
#endif

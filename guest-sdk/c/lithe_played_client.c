/* The clients of tests. */

#include "lithe_played.h"

/* The end of a connection without a close frame. */
static const lithe_close_info lost = {1006, {NULL, 0}, false};

#ifdef LITHE_KIND_SESSION
static void run_session(lithe_client *client) {
  exports_lithe_plugin_session_run(client->socket);
  end_with(client, 1000, none, true);
  settle();
}
#endif

lithe_client *lithe_connect(lithe_answer *answer) {
  lithe_client *client = answer->client;
  if (!client) {
    const char *message = "the component has not accepted a socket, but answered %d: %s";
    trap(lithe_format(message, answer->status, answer->body.data).data);
  }
  if (client->state == LITHE_CONNECTING) client->state = LITHE_OPEN;
#ifdef LITHE_KIND_HOOKS
  exports_lithe_plugin_hooks_open(client->socket);
  settle();
#endif
#ifdef LITHE_KIND_SESSION
  client->client_end = lost;
  if (client->is_stream) run_session(client);
#endif
  return client;
}

lithe_client *lithe_connect_to(const char *uri) {
  lithe_request *request = lithe_new_request("GET", uri);
  lithe_request_upgrade(request, NULL);
  return lithe_connect(lithe_ask(request));
}

void lithe_abandon(lithe_answer *answer) {
  if (!answer->client) trap("the component has not accepted a socket");
  end_with(answer->client, 1006, none, false);
  settle();
}

#ifdef LITHE_KIND_HOOKS
/* As the host does it: a short message comes in a batch, a longer one by itself. */
static void deliver(lithe_socket socket, lithe_message message) {
  size_t size = message.content.size;
  if (size <= PACKED_LIMIT) {
    uint32_t numbers[2] = {socket, (uint32_t)(size << 1) | message.is_binary};
    lithe_wit_list_u8_t packed = {allocate(8 + size), 8 + size};
    for (int i = 0; i < 8; i++) packed.ptr[i] = (uint8_t)(numbers[i / 4] >> 8 * (i % 4));
    if (size) memcpy(packed.ptr + 8, message.content.data, size);
    exports_lithe_plugin_batch_receive(&packed);
    return;
  }
  exports_lithe_plugin_hooks_list_message_t list = {allocate(sizeof *list.ptr), 1};
  list.ptr->tag = message.is_binary ? LITHE_PLUGIN_SOCKET_MESSAGE_BINARY
                                    : LITHE_PLUGIN_SOCKET_MESSAGE_TEXT;
  list.ptr->val.text = given(message.content);
  exports_lithe_plugin_hooks_receive(socket, &list);
}
#endif

void lithe_plugin_turn_begin(lithe_socket socket) { (void)socket; }

void lithe_client_send(lithe_client *client, lithe_message message) {
  if (client->end.code) return;
  if (client->is_stream) trap("the client of a stream sends a message");
#ifdef LITHE_KIND_HOOKS
  deliver(client->socket, message);
  settle();
#else
  enqueue(&client->inbound, message);
#endif
}

void lithe_client_say(lithe_client *client, const char *text) {
  lithe_client_send(client, (lithe_message){lithe_str(text), false});
}

bool lithe_client_receive(lithe_client *client, lithe_message *message) {
  queued next;
  if (!dequeue(&client->outbound, &next)) return false;
  if (!client->limit) client->waiting -= next.message.content.size;
  *message = next.message;
  return true;
}

bool lithe_client_hears(lithe_client *client, const char *text) {
  lithe_message message;
  bool is_there = lithe_client_receive(client, &message);
  if (is_there && !message.is_binary && lithe_is(message.content, text)) return true;
  lithe_text heard = is_there ? message.content : lithe_str("(nothing)");
  fprintf(stderr, "the client hears: %s\n", heard.data);
  return false;
}

lithe_text lithe_client_read(lithe_client *client) {
  lithe_text read = lasting(lithe_str(""));
  lithe_message message;
  while (lithe_client_receive(client, &message)) {
    char *longer = allocate_lasting(read.size + message.content.size + 1);
    memcpy(longer, read.data, read.size);
    memcpy(longer + read.size, message.content.data, message.content.size + 1);
    read = (lithe_text){longer, read.size + message.content.size};
  }
  return read;
}

static void end_by_client(lithe_client *client, lithe_close_info end) {
  if (client->end.code) return;
#ifdef LITHE_KIND_SESSION
  client->client_end = end;
  run_session(client);
#else
  end_with(client, end.code, end.reason, end.clean);
  settle();
#endif
}

void lithe_client_close(lithe_client *client, int code, const char *reason) {
  end_by_client(client, (lithe_close_info){code, lithe_str(reason), true});
}

void lithe_client_leave(lithe_client *client) { end_by_client(client, lost); }

void lithe_client_limit(lithe_client *client, size_t bytes) { client->limit = bytes; }

void lithe_client_drain(lithe_client *client) {
  client->waiting = 0;
  if (!client->found_full) return;
  client->found_full = false;
#ifdef LITHE_KIND_HOOKS
  exports_lithe_plugin_hooks_drain(client->socket);
  settle();
#endif
}

int lithe_client_code(const lithe_client *client) { return client->end.code; }

lithe_text lithe_client_reason(const lithe_client *client) {
  return client->end.reason.data ? client->end.reason : lithe_str("");
}

lithe_text lithe_client_failure(const lithe_client *client) { return client->failure; }

lithe_socket lithe_client_socket(const lithe_client *client) { return client->socket; }

/* Lithe's SDK for C, C++ and Zig: handlers and WebSocket sessions as a WebAssembly component.
 *
 * A component defines some of the `lithe_on_…` functions below; which ones, its kind says, which
 * `lithe.toml` names beside its source. `lithe build` makes it from every source file of its folder.
 *
 * Who owns what:
 *
 * - What you pass to a function stays yours, and is copied before the function returns.
 * - What a function gives you, or you are called with, stays the SDK's. It is valid until your
 *   `lithe_on_…` function returns and, in a session, until the next `lithe_receive` of any kind.
 *   Copy what you keep for longer. There is nothing to free.
 * - An outcome is used up by returning it.
 *
 * A socket is a number: keep it for as long as you like. What is sent to one that is gone answers
 * `LITHE_SEND_CLOSED`, and nothing worse.
 *
 * A trap, such as `abort()`, ends the instance: the request that it was for is a 500, the socket
 * closes with 1011. What is printed goes to the host's log.
 */
#ifndef LITHE_H
#define LITHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text in UTF-8, or bytes. `data` of what the SDK gives ends in a zero byte that `size` does not
 * count, but for messages. */
typedef struct lithe_text {
  const char *data;
  size_t size;
} lithe_text;

/* The text of a C string; of NULL, none. */
static inline lithe_text lithe_str(const char *string) {
  lithe_text text = {string, string ? strlen(string) : 0};
  return text;
}

/* Whether a text is that of a C string. */
static inline bool lithe_is(lithe_text text, const char *string) {
  size_t size = strlen(string);
  return text.size == size && memcmp(text.data, string, size) == 0;
}

/* ---- The request ------------------------------------------------------------------------------ */

/* The request that is being handled. */
typedef struct lithe_event lithe_event;

/* Unique to this request; also in the host's log lines. */
lithe_text lithe_id(lithe_event *event);
/* In upper case, such as `GET`. */
lithe_text lithe_method(lithe_event *event);
/* Path and query as sent. */
lithe_text lithe_uri(lithe_event *event);
/* Percent-decoded path without the query. */
lithe_text lithe_path(lithe_event *event);
/* What follows the first `?`, as sent; `data` is NULL where there is none. */
lithe_text lithe_query(lithe_event *event);
/* `IP:PORT` of the client. */
lithe_text lithe_client_address(lithe_event *event);
/* The first header of that name, in any case; `data` is NULL where there is none. */
lithe_text lithe_header(lithe_event *event, const char *name);
/* A parameter of the route, percent-decoded; `data` is NULL where there is none. */
lithe_text lithe_param(lithe_event *event, const char *name);
/* The whole body; empty for an upgrade request. */
lithe_text lithe_body(lithe_event *event);
/* A value that middleware left; `data` is NULL where there is none. */
lithe_text lithe_local(lithe_event *event, const char *key);
/* Leaves a value for what runs after this. */
void lithe_set_local(lithe_event *event, const char *key, lithe_text value);

/* Whether the request asks for a WebSocket. */
bool lithe_is_upgrade_request(lithe_event *event);
/* Whether `sec-websocket-protocol` offers this protocol. */
bool lithe_offers_protocol(lithe_event *event, const char *protocol);

/* ---- What comes of it ------------------------------------------------------------------------- */

/* What the host does: it answers, or makes the connection a WebSocket. */
typedef struct lithe_outcome lithe_outcome;

typedef struct lithe_upgrade_options {
  /* One of the protocols that the request offers; NULL is none. */
  const char *protocol;
  /* Kept by the host with the socket: see `lithe_attachment`. */
  lithe_text attachment;
  /* The session's state lies in this instance's memory: it ends with it. */
  bool pinned;
} lithe_upgrade_options;

/* A response with this `content-type`; without one where it is NULL. Status 200 to 599. */
lithe_outcome *lithe_respond(int status, const char *content_type, lithe_text body);
/* A failure, status 400 to 599: the nearest error handler may answer for it, and where none does,
 * the client gets the message as text. */
lithe_outcome *lithe_failure(int status, const char *message);
/* Accepts the upgrade; where the request does not ask for one as it should, the outcome is the
 * failure that says so (405, 426, 400, or 501 where the site or the component has no sessions).
 * `options` may be NULL. */
lithe_outcome *lithe_upgrade(lithe_event *event, const lithe_upgrade_options *options);
/* Begins a response whose body follows piece by piece, by `lithe_send_text` to `*socket`, and ends
 * with `lithe_close`. For kinds with sessions; `socket` may be NULL. */
lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            uint32_t *socket);
/* Adds a header to a response, a failure, an upgrade or a stream. */
void lithe_add_header(lithe_outcome *outcome, const char *name, const char *value);
/* The status: 101 for an upgrade. */
int lithe_status(const lithe_outcome *outcome);

/* ---- Sockets ---------------------------------------------------------------------------------- */

typedef uint32_t lithe_socket;

/* No socket: for `lithe_publish`. */
#define LITHE_NOBODY UINT32_MAX

typedef struct lithe_message {
  lithe_text content;
  bool is_binary;
} lithe_message;

typedef struct lithe_close_info {
  /* 1005 where the peer gave none, 1006 where the connection was lost. */
  int code;
  lithe_text reason;
  /* Both sides sent a close frame. */
  bool clean;
} lithe_close_info;

typedef enum lithe_sent {
  LITHE_SENT = 0,
  /* No such socket, or it is closing. */
  LITHE_SEND_CLOSED,
  /* Larger than the site's message limit. */
  LITHE_SEND_TOO_LARGE,
  /* The outbound queue is full, and the site's policy is to refuse: wait for `lithe_on_drain`. */
  LITHE_SEND_QUEUE_FULL,
} lithe_sent;

typedef enum lithe_state {
  /* Accepted, and the handshake is not yet complete: what is sent waits. */
  LITHE_CONNECTING = 0,
  LITHE_OPEN,
  LITHE_CLOSING,
  /* Gone, or never was this component's. */
  LITHE_CLOSED,
} lithe_state;

/* Each queues in order and never blocks. */
lithe_sent lithe_send_text(lithe_socket socket, lithe_text text);
lithe_sent lithe_send_binary(lithe_socket socket, lithe_text bytes);
/* The message as it came. */
lithe_sent lithe_send(lithe_socket socket, lithe_message message);
/* Closes after what is queued. False, and nothing happens, where the code is not 1000 or 3000 to
 * 4999, or the reason is longer than 123 bytes; `reason` may be NULL. */
bool lithe_close(lithe_socket socket, int code, const char *reason);
/* The session failed: closes with 1011. The reason goes to the log and not to the peer. */
void lithe_fail(lithe_socket socket, const char *reason);
/* Drops the connection without a close frame. */
void lithe_terminate(lithe_socket socket);
lithe_state lithe_state_of(lithe_socket socket);
/* The protocol that the handshake chose; `data` is NULL where there is none. */
lithe_text lithe_protocol(lithe_socket socket);
/* Bytes queued and not yet handed to the network. */
uint32_t lithe_buffered_amount(lithe_socket socket);
/* The handshake's request; NULL once `lithe_on_close` has returned. */
lithe_event *lithe_event_of(lithe_socket socket);
/* What the host keeps with the socket. */
lithe_text lithe_attachment(lithe_socket socket);
/* False where the socket is gone or the value is over the site's limit. */
bool lithe_set_attachment(lithe_socket socket, lithe_text value);

/* ---- Topics: groups of sockets that hear the same messages ------------------------------------ */

/* False where the socket is gone or has as many topics as it may, or the name is over 256 bytes. */
bool lithe_subscribe(lithe_socket socket, lithe_text topic);
void lithe_unsubscribe(lithe_socket socket, lithe_text topic);
/* What the socket hears, in the order of the names, in `*topics`; answers how many they are. */
size_t lithe_subscriptions(lithe_socket socket, const lithe_text **topics);
/* To every subscriber but one, or but `LITHE_NOBODY`; answers for how many it was queued. */
uint32_t lithe_publish(lithe_text topic, lithe_message message, lithe_socket not_to);
/* The subscribers, in `*sockets` if that is not NULL; answers how many they are. Where `topic.data`
 * is NULL: all of the component's sockets. */
size_t lithe_members(lithe_text topic, const lithe_socket **sockets);

/* ---- What a component defines ----------------------------------------------------------------- */

/* Kinds `route`, `hooks`, `session` and `middleware`. For `hooks` and `session` the default upgrades
 * what asks for it. Returning NULL is a trap. */
lithe_outcome *lithe_on_request(lithe_event *event);

/* Kind `hooks`: sessions as events, in one instance for all sockets. Define what you need. */
void lithe_on_open(lithe_socket socket);
void lithe_on_message(lithe_socket socket, lithe_message message);
/* The queue has emptied after `LITHE_SEND_QUEUE_FULL`. */
void lithe_on_drain(lithe_socket socket);
/* The last call for this socket, exactly once, also where the handshake was never completed. */
void lithe_on_close(lithe_socket socket, lithe_close_info info);
/* A timer of `lithe_set_timer` is due. */
void lithe_on_timer(uint32_t timer);
/* Calls `lithe_on_timer` after so many milliseconds, again and again if asked to. Zero where the
 * instance has as many timers as it may. */
uint32_t lithe_set_timer(uint32_t milliseconds, bool repeat);
void lithe_cancel_timer(uint32_t timer);

/* Kind `session`: a loop, in an instance of its own for each connection. Returning closes with 1000. */
void lithe_on_session(lithe_socket socket);
/* Waits for a message; false when the session has ended. */
bool lithe_receive(lithe_socket socket, lithe_message *message);

typedef enum lithe_received {
  LITHE_MESSAGE = 0,
  /* The session has ended. */
  LITHE_ENDED,
  LITHE_TIMED_OUT,
} lithe_received;

/* The same, for so many milliseconds at most. `info` may be NULL. */
lithe_received lithe_receive_within(lithe_socket socket, uint32_t milliseconds,
                                    lithe_message *message, lithe_close_info *info);

/* Kind `middleware`: inside `lithe_on_request`, the rest of the chain; at most once for a request. */
lithe_outcome *lithe_next(lithe_event *event);

typedef struct lithe_error {
  int status;
  lithe_text message;
} lithe_error;

/* Kind `error`: a response, or NULL for the error to go on outward. */
lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error);

#ifdef __cplusplus
}
#endif

#endif

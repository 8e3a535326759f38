/* Lithe's SDK for C, C++ and Zig: handlers and WebSocket sessions as a WebAssembly component.
 *
 * A component defines some of the `lithe_on_…` functions at the end of this file. The kind says
 * which ones; `lithe.toml` names it beside the source. `lithe build` compiles every source file of
 * the folder into one component.
 *
 * Who owns memory:
 *
 * - What you pass to a function stays yours. The function copies what it needs before it returns.
 * - What a function returns, and what a `lithe_on_…` function is called with, belongs to the SDK.
 *   It is valid until your `lithe_on_…` function returns. In a session it is valid only until the
 *   next call of `lithe_receive` or `lithe_receive_within`. Copy what you need for longer.
 * - There is nothing to free. An outcome that you do not return is freed for you.
 *
 * What happens on an error:
 *
 * - A function that can fail says in its comment what it returns then. The others do not fail.
 * - A text has to be UTF-8, unless its comment speaks of bytes. Any other text is a trap.
 * - A trap ends the instance: the request is answered with 500, and the socket closes with 1011.
 *   `abort()` and a lack of memory are traps, too. Standard output and standard error go to the
 *   host's log.
 *
 * A socket is a number, and you may keep it for as long as you like. A function that gets a socket
 * that is gone does nothing. If its comment names a value for that, it returns the value. */
#ifndef LITHE_H
#define LITHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text in UTF-8, or bytes. `size` counts bytes. An absent text has NULL as `data`, and the size 0.
 *
 * A text that the SDK returns has a zero byte after its last one, which `size` does not count:
 * `data` is a C string, if the text has no zero byte of its own. The content of a message, the
 * reason of a close and the message of an error have no zero byte after them. */
typedef struct lithe_text {
  const char *data;
  size_t size;
} lithe_text;

/* Returns a C string as a text, which points to the same memory. NULL gives the absent text. */
static inline lithe_text lithe_str(const char *string) {
  lithe_text text = {string, string ? strlen(string) : 0};
  return text;
}

/* Returns whether a text equals a C string, byte for byte. */
static inline bool lithe_is(lithe_text text, const char *string) {
  size_t size = strlen(string);
  return text.size == size && memcmp(text.data, string, size) == 0;
}

/* ---- The request ----------------------------------------------------------------------------- */

/* The request that is handled. */
typedef struct lithe_event lithe_event;

/* Returns the name that this request has in the host's log lines. No other request has the same. */
lithe_text lithe_id(lithe_event *event);
/* Returns the method in upper case, such as `GET`. */
lithe_text lithe_method(lithe_event *event);
/* Returns path and query as the client sent them. */
lithe_text lithe_uri(lithe_event *event);
/* Returns the path without the query, percent-decoded. */
lithe_text lithe_path(lithe_event *event);
/* Returns what follows the first `?`, as the client sent it. Without a `?`, `data` is NULL. */
lithe_text lithe_query(lithe_event *event);
/* Returns the client's `IP:PORT`. */
lithe_text lithe_client_address(lithe_event *event);
/* Returns the first header of that name, in any case. Without one, `data` is NULL. */
lithe_text lithe_header(lithe_event *event, const char *name);
/* Returns a parameter of the route, percent-decoded. Without one of that name, `data` is NULL. */
lithe_text lithe_param(lithe_event *event, const char *name);
/* Returns the bytes of the whole body. For an upgrade request they are empty. */
lithe_text lithe_body(lithe_event *event);
/* Returns the value that middleware left under this key. Without one, `data` is NULL. */
lithe_text lithe_local(lithe_event *event, const char *key);
/* Leaves a value under this key, for what runs after this. All values of a request together may
 * have 64 KiB: more is a trap. */
void lithe_set_local(lithe_event *event, const char *key, lithe_text value);

/* Returns whether the request asks for a WebSocket. */
bool lithe_is_upgrade_request(lithe_event *event);
/* Returns whether `sec-websocket-protocol` offers this protocol. */
bool lithe_offers_protocol(lithe_event *event, const char *protocol);

/* ---- The outcome ----------------------------------------------------------------------------- */

/* What comes of a request: a response, a failure, an upgrade or a stream. Functions that make an
 * outcome never return NULL. */
typedef struct lithe_outcome lithe_outcome;

typedef struct lithe_upgrade_options {
  /* One of the protocols that the request offers. NULL chooses none. */
  const char *protocol;
  /* Bytes that the host keeps with the socket: see `lithe_attachment`. */
  lithe_text attachment;
  /* Says that the session's state lies in this instance's memory. The socket closes when the
   * instance ends, and it does not move to a new version. */
  bool pinned;
} lithe_upgrade_options;

/* Returns a response with the bytes of `body`. The status is 200 to 599; any other is answered with
 * 500, and the log says why. If `content_type` is NULL, the answer has no such header. */
lithe_outcome *lithe_respond(int status, const char *content_type, lithe_text body);
/* Returns a failure. The status is 400 to 599; any other is answered with 500, and the log says
 * why. The nearest error handler may answer for the failure. If none does, the client gets the
 * message as text. */
lithe_outcome *lithe_failure(int status, const char *message);
/* Accepts the upgrade and returns it. `options` may be NULL, for none of them.
 *
 * If the host refuses, the outcome is a failure that you can return as it is: 405, 426 or 400 for a
 * request that does not ask for an upgrade as it should, 501 if the site or the component has no
 * sessions, and 500 for a mistake in the options. */
lithe_outcome *lithe_upgrade(lithe_event *event, const lithe_upgrade_options *options);
/* Begins a response whose body follows piece by piece, and returns it. Writes the socket to
 * `*socket`, unless `socket` is NULL. `lithe_send_text` and `lithe_send_binary` send pieces, and
 * `lithe_close` ends the body. If `content_type` is NULL, the answer has no such header.
 *
 * If the host refuses, the outcome is a failure that you can return as it is, and `*socket` stays
 * as it was: 501 if the component has no sessions, 503 if there are too many sockets, and 500 for a
 * mistake in the arguments. */
lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            uint32_t *socket);
/* Adds a header to an outcome, beside others of that name. If the host cannot send it, the answer
 * is 500, and the log says why. */
void lithe_add_header(lithe_outcome *outcome, const char *name, const char *value);
/* Returns the status. For an upgrade it is 101. */
int lithe_status(const lithe_outcome *outcome);

/* ---- Sockets --------------------------------------------------------------------------------- */

typedef uint32_t lithe_socket;

/* No socket: for `lithe_publish`. */
#define LITHE_NOBODY UINT32_MAX

typedef struct lithe_message {
  /* Text, or bytes if `is_binary`. */
  lithe_text content;
  bool is_binary;
} lithe_message;

typedef struct lithe_close_info {
  /* 1005 if the peer gave none, 1006 if the connection was lost. */
  int code;
  lithe_text reason;
  /* Whether both sides sent a close frame. */
  bool clean;
} lithe_close_info;

/* What came of a send. In all cases but the first, nothing was sent. */
typedef enum lithe_sent {
  LITHE_SENT = 0,
  /* There is no such socket, or it is closing. */
  LITHE_SEND_CLOSED,
  /* The message is larger than the site's message limit. */
  LITHE_SEND_TOO_LARGE,
  /* The outbound queue is full, and the site's policy is to refuse: wait for `lithe_on_drain`. */
  LITHE_SEND_QUEUE_FULL,
} lithe_sent;

typedef enum lithe_state {
  /* Accepted, and the handshake is not yet complete. What is sent waits until it is. */
  LITHE_CONNECTING = 0,
  LITHE_OPEN,
  LITHE_CLOSING,
  /* Gone, or never a socket of this component. */
  LITHE_CLOSED,
} lithe_state;

/* Queues a text message. Never blocks. */
lithe_sent lithe_send_text(lithe_socket socket, lithe_text text);
/* Queues a binary message. Never blocks. */
lithe_sent lithe_send_binary(lithe_socket socket, lithe_text bytes);
/* Queues a message as it came. Never blocks. */
lithe_sent lithe_send(lithe_socket socket, lithe_message message);
/* Closes the socket after what is queued, and returns true. `reason` may be NULL. A socket that is
 * closing or gone stays as it is.
 *
 * Does nothing and returns false if the code is not 1000 or 3000 to 4999, or the reason is longer
 * than 123 bytes. */
bool lithe_close(lithe_socket socket, int code, const char *reason);
/* Closes the socket with 1011, because its session failed. The reason goes to the log and not to
 * the peer. */
void lithe_fail(lithe_socket socket, const char *reason);
/* Drops the connection without a close frame. */
void lithe_terminate(lithe_socket socket);
/* Returns the state. */
lithe_state lithe_state_of(lithe_socket socket);
/* Returns the protocol that the handshake chose. Without one, `data` is NULL. */
lithe_text lithe_protocol(lithe_socket socket);
/* Returns how many bytes are queued and not yet handed to the network. */
uint32_t lithe_buffered_amount(lithe_socket socket);
/* Returns the handshake's request, or NULL once `lithe_on_close` has returned. */
lithe_event *lithe_event_of(lithe_socket socket);
/* Returns the bytes that the host keeps with the socket. They are empty if there are none. */
lithe_text lithe_attachment(lithe_socket socket);
/* Replaces the bytes that the host keeps with the socket, and returns true. Does nothing and
 * returns false if the socket is gone, or the value is larger than the site's limit. */
bool lithe_set_attachment(lithe_socket socket, lithe_text value);

/* ---- Topics: groups of sockets that hear the same messages ----------------------------------- */

/* Subscribes a socket, and returns true. Does nothing and returns false if the socket is gone or
 * has as many topics as the site allows, or if the name is longer than 256 bytes. */
bool lithe_subscribe(lithe_socket socket, lithe_text topic);
/* Ends a subscription, if there is one. */
void lithe_unsubscribe(lithe_socket socket, lithe_text topic);
/* Returns how many topics the socket hears, and writes a list of them to `*topics`, in the order of
 * their names. */
size_t lithe_subscriptions(lithe_socket socket, const lithe_text **topics);
/* Queues a message for every subscriber but `not_to`, which may be `LITHE_NOBODY`. Returns for how
 * many it was queued. For a message that is larger than the site's message limit that is 0. */
uint32_t lithe_publish(lithe_text topic, lithe_message message, lithe_socket not_to);
/* Returns how many subscribers a topic has. Writes a list of them to `*sockets`, unless `sockets`
 * is NULL. If `topic.data` is NULL, it is all of the component's WebSockets. */
size_t lithe_members(lithe_text topic, const lithe_socket **sockets);

/* ---- What a component defines ---------------------------------------------------------------- */

/* Kinds `route`, `hooks`, `session` and `middleware`: answers a request. Returning NULL is a trap.
 *
 * In `hooks` and `session` it may be left out: then every request is answered by
 * `lithe_upgrade(event, NULL)`. */
lithe_outcome *lithe_on_request(lithe_event *event);

/* Kind `hooks`: sessions as events, in one instance for all sockets. Define those that you need. */

/* The handshake is complete. */
void lithe_on_open(lithe_socket socket);
/* A message has arrived. */
void lithe_on_message(lithe_socket socket, lithe_message message);
/* The outbound queue has emptied after `LITHE_SEND_QUEUE_FULL`. */
void lithe_on_drain(lithe_socket socket);
/* The socket has ended. This is its last call: it comes exactly once, also if the handshake was
 * never completed. */
void lithe_on_close(lithe_socket socket, lithe_close_info info);
/* A timer of `lithe_set_timer` is due. */
void lithe_on_timer(uint32_t timer);
/* Has `lithe_on_timer` called after so many milliseconds, or again and again if `repeat`. Returns
 * the timer, or 0 if the instance has as many timers as the site allows. */
uint32_t lithe_set_timer(uint32_t milliseconds, bool repeat);
/* Ends a timer, if it is still there. */
void lithe_cancel_timer(uint32_t timer);

/* Kind `session`: a session as a loop, in an instance of its own for each connection. */

/* Runs the session. Returning closes the socket with 1000. */
void lithe_on_session(lithe_socket socket);
/* Waits for a message, writes it to `*message`, and returns true. Returns false when the session
 * has ended, and leaves `*message` as it was. */
bool lithe_receive(lithe_socket socket, lithe_message *message);

typedef enum lithe_received {
  LITHE_MESSAGE = 0,
  /* The session has ended. */
  LITHE_ENDED,
  LITHE_TIMED_OUT,
} lithe_received;

/* Waits for a message, but no longer than so many milliseconds. Writes to `*message` only for
 * `LITHE_MESSAGE`, and to `*info` only for `LITHE_ENDED`. `info` may be NULL. */
lithe_received lithe_receive_within(lithe_socket socket, uint32_t milliseconds,
                                    lithe_message *message, lithe_close_info *info);

/* Kind `middleware`: inside of `lithe_on_request`. */

/* Runs the rest of the chain, and returns its outcome: a failure, too, if that is what came of it.
 * At most once for a request: a second call returns a failure with 500. */
lithe_outcome *lithe_next(lithe_event *event);

/* Kind `error`: answers for the failures of its scope. */

typedef struct lithe_error {
  int status;
  lithe_text message;
} lithe_error;

/* Answers for a failure. Returns a response, or another failure in place of this one. NULL leaves
 * this one to the next error handler outward. */
lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error);

#ifdef __cplusplus
}
#endif

#endif

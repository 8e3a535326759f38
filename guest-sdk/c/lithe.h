/* Lithe's SDK for C, C++ and Zig: handlers and WebSocket sessions as a WebAssembly component.
 *
 * A component defines some of the `lithe_on_…` functions at the end of this file. The kind says
 * which ones; `lithe.toml` names it beside the source. `lithe build` compiles every source file of
 * the folder into one component, and its exports follow from what the sources define.
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
  return text.size == size && (size == 0 || memcmp(text.data, string, size) == 0);
}

/* Returns whether a text begins with a C string, byte for byte. */
static inline bool lithe_begins_with(lithe_text text, const char *string) {
  size_t size = strlen(string);
  return text.size >= size && (size == 0 || memcmp(text.data, string, size) == 0);
}

/* Returns a copy of a text, with a zero byte after its last one: for what your function returns. */
lithe_text lithe_copy(lithe_text text);
/* Returns a text that is made as `printf` makes one. */
lithe_text lithe_format(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
/* Reads a whole text as a decimal number, and writes it to `*value`. Returns whether it is one: if
 * not, `*value` stays as it was. */
bool lithe_to_integer(lithe_text text, int64_t *value);

/* A name and a value: of a header, a parameter or a cookie. */
typedef struct lithe_field {
  lithe_text name;
  lithe_text value;
} lithe_field;

/* ---- The request ----------------------------------------------------------------------------- */

/* The request that is handled. */
typedef struct lithe_event lithe_event;
/* What comes of a request: a response, a failure, an upgrade or a stream. Functions that make an
 * outcome never return NULL. */
typedef struct lithe_outcome lithe_outcome;

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
/* Returns `http` or `https`. */
lithe_text lithe_scheme(lithe_event *event);
/* Returns the `host` header, or the authority of the request's target. */
lithe_text lithe_authority(lithe_event *event);
/* Returns the pattern that matched, such as `/rooms/:id`. */
lithe_text lithe_route(lithe_event *event);
/* Returns the client's `IP:PORT`. */
lithe_text lithe_client_address(lithe_event *event);
/* Returns the first header of that name, in any case. Without one, `data` is NULL. */
lithe_text lithe_header(lithe_event *event, const char *name);
/* Returns how many headers there are, and writes a list of them to `*headers`, in their order. The
 * names are in lower case. */
size_t lithe_headers(lithe_event *event, const lithe_field **headers);
/* Returns a parameter of the route, percent-decoded. Without one of that name, `data` is NULL. */
lithe_text lithe_param(lithe_event *event, const char *name);
/* Returns how many parameters the route has, and writes a list of them to `*params`, in the order
 * of the pattern. */
size_t lithe_params(lithe_event *event, const lithe_field **params);
/* Returns the first parameter of the query of that name, decoded as a form is: `+` is a space.
 * Without one, `data` is NULL. */
lithe_text lithe_query_param(lithe_event *event, const char *name);
/* Returns the first cookie of that name, percent-decoded. The name is compared as it was sent. Without
 * one, `data` is NULL. */
lithe_text lithe_cookie(lithe_event *event, const char *name);
/* Returns how many cookies there are, and writes a list of them to `*cookies`, in their order. */
size_t lithe_cookies(lithe_event *event, const lithe_field **cookies);
/* Returns the bytes of the whole body. For an upgrade request they are empty. */
lithe_text lithe_body(lithe_event *event);
/* Sets how many bytes the body may have for `lithe_json_body`, `lithe_form_text` and
 * `lithe_form_integer`: without this, 128 KiB. They answer a larger one with 413. */
void lithe_limit_body(lithe_event *event, size_t limit);
/* Returns the value that middleware left under this key. Without one, `data` is NULL. */
lithe_text lithe_local(lithe_event *event, const char *key);
/* Leaves a value under this key, for what runs after this. All values of a request together may
 * have 64 KiB: more is a trap. */
void lithe_set_local(lithe_event *event, const char *key, lithe_text value);

/* The next functions read a part of the request that may be wrong, as a client may send anything.
 * They write the part to `*value` and return NULL. Otherwise `*value` stays as it was, and they
 * return a failure that names the part, for you to return:
 *
 *     int64_t id;
 *     lithe_outcome *refused = lithe_param_integer(event, "id", &id);
 *     if (refused) return refused;
 */

/* Reads a parameter of the route. It is a failure with 400 if it is missing or not an integer. */
lithe_outcome *lithe_param_integer(lithe_event *event, const char *name, int64_t *value);
/* Reads a parameter of the query. It is a failure with 400 if it is missing or not an integer. */
lithe_outcome *lithe_query_integer(lithe_event *event, const char *name, int64_t *value);
/* Reads a field of a body that is a form (`application/x-www-form-urlencoded`). It is a failure
 * with 415 if the body is something else, with 413 if the body is larger than 128 KiB or
 * `lithe_limit_body` says, and with 400 if the field is missing. */
lithe_outcome *lithe_form_text(lithe_event *event, const char *name, lithe_text *value);
/* As `lithe_form_text`. It is a failure with 400, too, if the field is not an integer. */
lithe_outcome *lithe_form_integer(lithe_event *event, const char *name, int64_t *value);

/* Returns whether the request asks for a WebSocket. */
bool lithe_is_upgrade_request(lithe_event *event);
/* Returns whether the site allows upgrades, and the component has sessions. */
bool lithe_can_upgrade(void);
/* Returns whether `sec-websocket-protocol` offers this protocol. */
bool lithe_offers_protocol(lithe_event *event, const char *protocol);
/* Returns how many protocols `sec-websocket-protocol` offers, and writes a list of them to
 * `*protocols`, in their order. */
size_t lithe_offered_protocols(lithe_event *event, const lithe_text **protocols);

/* ---- The outcome ----------------------------------------------------------------------------- */

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
/* Returns a response with text, as `text/plain; charset=utf-8`. */
lithe_outcome *lithe_respond_text(int status, lithe_text text);
/* Returns a response with JSON, as `application/json`. */
lithe_outcome *lithe_respond_json(int status, lithe_text json);
/* Returns a redirect. The status is 301, 302, 303, 307 or 308; any other is answered with 500, and
 * the log says why. What cannot stand in a URI, such as a space or a line's end, is
 * percent-encoded. A `%` stays as it is. */
lithe_outcome *lithe_redirect(int status, const char *location);
/* Returns a failure. The status is 400 to 599; any other is answered with 500, and the log says
 * why. The nearest error handler may answer for the failure. If none does, the client gets the
 * message as text. */
lithe_outcome *lithe_failure(int status, const char *message);
/* Returns a failure with 500 that tells the client nothing. The reason goes to the log. */
lithe_outcome *lithe_fault(const char *reason);
/* Accepts the upgrade and returns it. `options` may be NULL, for none of them.
 *
 * If the host refuses, the outcome is a failure that you can return as it is: 405, 426 or 400 for a
 * request that does not ask for an upgrade as it should, 501 if the site or the component has no
 * sessions, and 500 for a mistake in the options. */
lithe_outcome *lithe_upgrade(lithe_event *event, const lithe_upgrade_options *options);
/* Begins a response whose body follows piece by piece, and returns it. Writes the socket to
 * `*socket`, unless `socket` is NULL. `lithe_send_text` and `lithe_send_binary` send pieces, and
 * `lithe_close` ends the body. Pieces that you send before you return the outcome wait for that. If
 * `content_type` is NULL, the answer has no such header.
 *
 * If the host refuses, the outcome is a failure that you can return as it is, and `*socket` stays
 * as it was: 501 if the component has no sessions, 503 if there are too many sockets, and 500 for a
 * mistake in the arguments. */
lithe_outcome *lithe_stream(lithe_event *event, int status, const char *content_type,
                            uint32_t *socket);

typedef struct lithe_stream_options {
  /* 200 to 599. */
  int status;
  /* If it is NULL, the answer has no such header. */
  const char *content_type;
  /* As in `lithe_upgrade_options`. */
  lithe_text attachment;
  /* As in `lithe_upgrade_options`. */
  bool pinned;
} lithe_stream_options;

/* As `lithe_stream`, with more options. */
lithe_outcome *lithe_stream_with(lithe_event *event, const lithe_stream_options *options,
                                 uint32_t *socket);
/* Begins a stream of server-sent events, as `lithe_stream` does. `lithe_send_event` sends them. */
lithe_outcome *lithe_event_stream(lithe_event *event, uint32_t *socket);

/* Adds a header to an outcome, beside others of that name. If the host cannot send it, the answer
 * is 500, and the log says why. */
void lithe_add_header(lithe_outcome *outcome, const char *name, const char *value);
/* Sets a header of an outcome, in place of all others of that name. */
void lithe_set_header(lithe_outcome *outcome, const char *name, const char *value);
/* Returns the first header of an outcome of that name, in any case. Without one, `data` is NULL. */
lithe_text lithe_outcome_header(const lithe_outcome *outcome, const char *name);
/* Returns the status. For an upgrade it is 101. */
int lithe_status(const lithe_outcome *outcome);
/* Returns whether the outcome is a failure, for which an error handler may answer. */
bool lithe_is_failure(const lithe_outcome *outcome);

typedef enum lithe_same_site {
  /* The cookie does not say. */
  LITHE_SAME_SITE_UNSAID = 0,
  LITHE_SAME_SITE_STRICT,
  LITHE_SAME_SITE_LAX,
  /* Browsers demand `secure` with it. */
  LITHE_SAME_SITE_NONE,
} lithe_same_site;

/* Has the browser forget a cookie: for `max_age`. */
#define LITHE_FORGET (-1)

/* A cookie that an answer sets. Characters that a value cannot have are percent-encoded, and
 * `lithe_cookie` decodes them. A name is a token (RFC 9110, 5.6.2), and is not decoded: other
 * characters in it stay percent-encoded. What is 0 or NULL is left out. */
typedef struct lithe_new_cookie {
  const char *name;
  const char *value;
  /* The cookie goes with requests below this path. `/` is the whole site. */
  const char *path;
  /* The cookie goes to this domain and those below it, not only to the host that set it. */
  const char *domain;
  /* Seconds that the browser keeps the cookie, or `LITHE_FORGET`. 0 is until the browser closes. */
  int64_t max_age;
  lithe_same_site same_site;
  /* The cookie goes over HTTPS only. */
  bool secure;
  /* Scripts do not see the cookie. */
  bool http_only;
} lithe_new_cookie;

/* Adds a cookie to an outcome. */
void lithe_set_cookie(lithe_outcome *outcome, const lithe_new_cookie *cookie);

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

/* A server-sent event. What is NULL or 0 is left out. */
typedef struct lithe_sse {
  /* The text, of one line or more. An event without data is not seen by a browser's scripts. */
  lithe_text data;
  /* The name for which a browser listens. Without one, it is `message`. */
  const char *event;
  /* What the browser sends as `last-event-id` when it connects again. */
  const char *id;
  /* Milliseconds that the browser waits before it connects again. */
  uint32_t retry;
  /* A line that browsers skip. It keeps proxies from closing a quiet connection. */
  const char *comment;
} lithe_sse;

/* Queues a server-sent event on a stream of `lithe_event_stream`. Never blocks. */
lithe_sent lithe_send_event(lithe_socket socket, const lithe_sse *event);

/* Closes the socket after what is queued, and returns true. `reason` may be NULL. A socket that is
 * closing or gone stays as it is.
 *
 * Does nothing and returns false if the code is not 1000 or 3000 to 4999, or the reason is longer
 * than 123 bytes. */
bool lithe_close(lithe_socket socket, int code, const char *reason);
/* Closes the socket with 1011, because its session failed. The reason goes to the log and not to
 * the peer. Messages of the socket that have arrived already are dropped. */
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

/* Kinds `route`, `hooks`, `session` and `middleware`: answers a request. NULL is a mistake, which is
 * answered with 500, and the log says so.
 *
 * In `hooks` and `session` it may be left out: then every request is answered by
 * `lithe_upgrade(event, NULL)`. A component with several routes defines `lithe_on_app` in its
 * place: see `lithe_app.h`. */
lithe_outcome *lithe_on_request(lithe_event *event);

/* Kind `hooks`: sessions as events, in one instance for all sockets. Define those that you need.
 * Several messages may come with one call of the host: the SDK takes them apart. */

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
/* Has a function of yours called with `data` after so many milliseconds, once. `data` has to be
 * valid until then. Returns as `lithe_set_timer` does. */
uint32_t lithe_after(uint32_t milliseconds, void (*due)(uint32_t timer, void *data), void *data);
/* As `lithe_after`, again and again until `lithe_cancel_timer`. */
uint32_t lithe_every(uint32_t milliseconds, void (*due)(uint32_t timer, void *data), void *data);
/* Ends a timer, if it is still there. A timer may end itself. */
void lithe_cancel_timer(uint32_t timer);

/* Kind `hooks`: what moves when a new version takes over. An instance that the host drops because
 * it was idle is saved and restored in the same way. */

/* Writes to `*saved` what matters of this component's memory: at most the site's limit, 1 MiB by
 * default. Older and newer versions read it. The component may go on after that, and the host asks
 * in a dry run of a deploy, too: so change nothing here. Returns NULL; or the reason why it cannot
 * be saved now, and then this component goes on with its memory. A trap loses the memory. */
const char *lithe_on_save(lithe_text *saved);
/* Takes over what another instance has saved. It comes before any other call, and may come again
 * later, if several instances become one: so add to what is there. Returns NULL; or the reason why
 * this version cannot read it, and then the other version goes on. */
const char *lithe_on_restore(lithe_text saved);
/* This instance takes over a socket of another version, with its attachment, topics and protocol.
 * Timers do not move: set them again here. */
void lithe_on_resume(lithe_socket socket);
/* The host asks before this version serves anything. Returns NULL, or the reason why the version
 * before has to go on. */
const char *lithe_on_health(void);

/* Kind `session`: a blocking session, in an instance of its own for each connection. */

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

/* Kind `middleware`, inside of `lithe_on_request`; and middleware of an app. */

/* Runs the rest of the chain, and returns its outcome: a failure, too, if that is what came of it.
 * At most once for a request: a second call returns a failure with 500. */
lithe_outcome *lithe_next(lithe_event *event);

/* Kind `error`: answers for the failures of its scope. */

typedef struct lithe_error {
  int status;
  lithe_text message;
  const lithe_field *headers;
  size_t header_count;
} lithe_error;

/* Answers for a failure. Returns a response, or another failure in place of this one. NULL leaves
 * this one to the next error handler outward. */
lithe_outcome *lithe_on_error(lithe_event *event, lithe_error error);

#ifdef __cplusplus
}
#endif

#include "lithe_app.h"
#include "lithe_json.h"
#include "lithe_middleware.h"

#endif

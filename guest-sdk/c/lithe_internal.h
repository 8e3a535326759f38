/* What the parts of the SDK share. `lithe.c` compiles them as one file, so the functions are
 * static: no name of theirs can meet a name of the guest. */
#ifndef LITHE_INTERNAL_H
#define LITHE_INTERNAL_H

#include "lithe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What this component is. `lithe build` writes it: `LITHE_KIND_…`, and `LITHE_HAS_…` for each
 * export that the guest's own code is behind. */
#include "lithe_kind.h"
#include "lithe_wit.h"

/* ---- Memory (`lithe_memory.c`) --------------------------------------------------------------- */

/* Allocates, and traps if memory is lacking. Never returns NULL. */
static void *allocate(size_t size);

/* Makes room for more items of a list that has `count` of them: its capacity doubles. */
static void *grown(void *list, size_t count, size_t item);

/* Ends the instance with words for the log. They are no format: a component that never calls
 * `printf` is a third smaller without it. */
static _Noreturn void trap(const char *message);

/* Keeps memory until `release`. That calls `drop` with it, unless it is NULL, and then frees it. */
static void keep(void *memory, void (*drop)(void *memory));

/* Has `release` free kept memory without its `drop`. */
static void keep_plain(void *memory);

/* Frees all that is kept. The host makes one call at a time, so all of it belongs to that call. */
static void release(void);

/* Ends a call of the host: releases, and sends what was printed to the host's log. */
static void finish(void);

/* The absent text. */
static const lithe_text none = {NULL, 0};

/* Makes a kept text of what the host gave, with a zero byte at its end. Frees `data`. */
static lithe_text take(uint8_t *data, size_t size);

/* Makes kept texts of a list that the host gave. Frees the list. */
static const lithe_text *take_list(lithe_wit_list_string_t list);

/* Makes a kept text of so many bytes, with a zero byte at its end, to be written to. */
static char *blank(size_t size);

/* A kept copy of a text, with a zero byte at its end. */
static lithe_text kept_copy(lithe_text text);

/* A view of a text, for a call that only reads it. */
static lithe_wit_string_t view(lithe_text text);
static lithe_wit_string_t view_str(const char *string);

/* A text that points to what the host gave. */
static lithe_text text_of(lithe_wit_string_t string);

/* A copy of a text, for the host to free. NULL if the text is empty. */
static uint8_t *copied(lithe_text text);
static lithe_wit_string_t copy_str(const char *string);

/* ---- Text (`lithe_text.c`) ------------------------------------------------------------------- */

/* Whether two texts are the same, and whether they are but for the case of ASCII letters. */
static bool equals(lithe_text a, lithe_text b);
static bool equals_in_any_case(lithe_text a, lithe_text b);

/* Splits a text at the first such byte, and returns whether there is one. If not, `*head` is all of
 * it. */
static bool split(lithe_text text, char at, lithe_text *head, lithe_text *tail);

/* Without the spaces and tabs around it. */
static lithe_text trimmed(lithe_text text);

/* Bytes of the character that a text in UTF-8 begins with; 0 if it begins with none. */
static size_t character(lithe_text text);

/* What stands behind so many bytes of a text. */
static lithe_text behind(lithe_text text, size_t size);

/* A text in which `U+FFFD` stands for what is not UTF-8: the same one, or a kept one. */
static lithe_text as_utf8(lithe_text text);

/* A kept text in which `%41` is an `A`, and a `+` a space if it is of a form. */
static lithe_text percent_decoded(lithe_text text, bool is_form);

/* A kept text in which `%41` stands for an `A` that is not plain. NULL is the empty one. */
static const char *percent_encoded(const char *text, bool (*is_plain)(unsigned char byte));

/* A kept text of several, the last of which is NULL. `lithe_format` would make every component larger
 * that has no other use for it, by more than half. */
static const char *kept_joined(const char *const *parts);

/* Whether a text is decoded to another. It keeps nothing: a client may send many names. */
static bool decodes_to(lithe_text text, const char *expected, bool is_form);

/* Whether a byte is a letter, a digit or `_`, all of them of ASCII. */
static bool is_word_byte(unsigned char byte);

/* Whether a byte may stand in the name of a header or a cookie (RFC 9110, 5.6.2). */
static bool is_token_byte(unsigned char byte);

/* ---- Events (`lithe_event.c`) ---------------------------------------------------------------- */

/* Where a request is in an app (`lithe_app.c`). */
typedef struct place place;

struct lithe_event {
  lithe_plugin_event_own_event_t handle;
  /* What `lithe_next` runs in an app. */
  place *place;
  /* The largest body that is read as JSON or as a form. */
  size_t body_limit;
};

/* A failure with 413 if the body has so many bytes, and is not to be read as JSON or as a form.
 * Otherwise NULL. */
static lithe_outcome *check_size(const lithe_event *event, size_t size);

/* Keeps an event until `release`, which drops its handle. */
static lithe_event *keep_event(lithe_plugin_event_own_event_t handle);

static lithe_plugin_event_borrow_event_t borrow(lithe_event *event);

/* ---- Outcomes (`lithe_outcome.c`) ------------------------------------------------------------ */

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

/* Makes an empty response, which is kept. */
static lithe_outcome *new_outcome(void);

/* Makes an empty response a failure. */
static void fail(lithe_outcome *outcome, lithe_plugin_http_http_error_t failure);

/* Leaves the content of an outcome to the host: `release` frees the outcome without it. */
static void hand_over(lithe_outcome *outcome);

/* A view of a failure, for an error handler. */
static lithe_error error_of(const lithe_plugin_http_http_error_t *failure);

/* A failure with 400 whose message is made as `printf` makes one. */
static lithe_outcome *bad_request(const char *format, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/* A number that the contract has in 16 bits. One that does not fit is 0, which the host refuses as
 * it refuses any other wrong number. */
static uint16_t short_of(int number);

/* ---- Messages (`lithe_socket.c`) ------------------------------------------------------------- */

/* A view of a message, for a call that only reads it. */
static lithe_plugin_socket_message_t view_message(lithe_message message);

/* A view of what the host gave, for the guest. */
static lithe_message message_of(const lithe_plugin_socket_message_t *message);
static lithe_close_info close_info_of(const lithe_plugin_socket_close_info_t *info);

/* The socket whose messages the guest is being told of, and whether it has failed. */
static lithe_socket listening;
static bool has_failed;

/* ---- Numbers that the host gave (`lithe_table.c`) -------------------------------------------- */

/* What the SDK knows about sockets or timers, by their number. It begins as zeros. */
typedef struct table {
  struct table_entry *entries;
  size_t capacity;
  size_t count;
} table;

/* Returns NULL if the key is missing. */
static void *table_get(const table *table, uint32_t key);
/* `value` is not NULL. */
static void table_set(table *table, uint32_t key, void *value);
/* Answers what was there. */
static void *table_remove(table *table, uint32_t key);

/* ---- Apps (`lithe_app.c`, `lithe_dispatch.c`) ------------------------------------------------ */

/* Answers a request: by the app, or by `lithe_on_request`. Never returns NULL. */
static lithe_outcome *serve(lithe_event *event);

#ifdef LITHE_KIND_HOOKS
/* What hears of a socket that no hooks of a route hear of: `lithe_on_open` and its kind. */
static const lithe_hooks component_hooks;

/* The hooks that hear of a socket. */
static const lithe_hooks *hooks_of(lithe_socket socket);

/* Has the guest forget a socket that has ended. */
static void forget(lithe_socket socket);

/* Whether no hooks hear a socket, and why it fails then. */
static bool is_unheard(lithe_socket socket);
static const char unheard[] = "no hooks of this version hear this socket";
#endif

#endif

/* What the parts of the SDK share. `lithe.c` compiles them as one file, so the functions are
 * static: no name of theirs can meet a name of the guest. */
#ifndef LITHE_INTERNAL_H
#define LITHE_INTERNAL_H

#include "lithe.h"

#include <stdio.h>
#include <stdlib.h>

#include "lithe_wit.h"

/* ---- Memory (`lithe_memory.c`) --------------------------------------------------------------- */

/* Allocates, and traps if memory is lacking. Never returns NULL. */
static void *allocate(size_t size);

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

/* A view of a text, for a call that only reads it. */
static lithe_wit_string_t view(lithe_text text);
static lithe_wit_string_t view_str(const char *string);

/* A copy of a text, for the host to free. NULL if the text is empty. */
static uint8_t *copied(lithe_text text);
static lithe_wit_string_t copy_str(const char *string);

/* ---- Events (`lithe_event.c`) ---------------------------------------------------------------- */

struct lithe_event {
  lithe_plugin_event_own_event_t handle;
};

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

/* A number that the contract has in 16 bits. One that does not fit is 0, which the host refuses as
 * it refuses any other wrong number. */
static uint16_t short_of(int number);

/* ---- Messages (`lithe_socket.c`) ------------------------------------------------------------- */

/* A view of a message, for a call that only reads it. */
static lithe_plugin_socket_message_t view_message(lithe_message message);

/* A view of what the host gave, for the guest. */
static lithe_message message_of(const lithe_plugin_socket_message_t *message);
static lithe_close_info close_info_of(const lithe_plugin_socket_close_info_t *info);

#endif

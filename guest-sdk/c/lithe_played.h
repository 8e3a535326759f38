/* What the parts of the played host share. */
#ifndef LITHE_PLAYED_H
#define LITHE_PLAYED_H

#include "lithe_internal.h"
#include "lithe_testing.h"

/* The site's limits, in bytes. */
#define MESSAGE_LIMIT (1024 * 1024)
#define ATTACHMENT_LIMIT (16 * 1024)
#define STATE_LIMIT (1024 * 1024)

/* Whether the component's kind has sessions. */
#if defined(LITHE_KIND_HOOKS) || defined(LITHE_KIND_SESSION)
#define HAS_SESSIONS true
#else
#define HAS_SESSIONS false
#endif

/* A longer message does not come in a batch. */
#define PACKED_LIMIT 1024

/* ---- Memory (`lithe_played_memory.c`) -------------------------------------------------------- */

/* Allocates what is never freed. */
static void *allocate_lasting(size_t size);

/* A copy that is never freed, with a zero byte at its end. */
static lithe_text lasting(lithe_text text);

/* A text for the component to free. */
static lithe_wit_string_t given(lithe_text text);
static lithe_wit_list_u8_t given_bytes(lithe_text text);

/* A text of the component, which has to be UTF-8. */
static lithe_text heard(const lithe_wit_string_t *text);
static lithe_text heard_bytes(const lithe_wit_list_u8_t *bytes);

/* Names and values. */
typedef struct fields_list {
  lithe_field *items;
  size_t count;
} fields_list;

/* Adds copies that last. */
static void add_field(fields_list *list, lithe_text name, lithe_text value);

/* The first value of that name, in any case. It is absent if no field has that name. */
static lithe_text find_field(const fields_list *list, lithe_text name);

/* A list for the component to free, and one that it gave. */
static lithe_plugin_http_fields_t given_fields(const fields_list *list);
static fields_list heard_fields(const lithe_plugin_http_fields_t *fields);

/* ---- Requests (`lithe_played_event.c`) ------------------------------------------------------- */

struct lithe_request {
  lithe_text method;
  lithe_text uri;
  lithe_text path;
  lithe_text route;
  lithe_text body;
  fields_list headers;
  fields_list params;
  fields_list locals;
  /* The handle that the component has of it. */
  int32_t handle;
  /* What it has become; NULL if it has not been upgraded or streamed. */
  lithe_client *accepted;
};

static lithe_request *request_of(int32_t handle);

/* ---- Sockets (`lithe_played_socket.c`) ------------------------------------------------------- */

/* A message that is on its way, and when it was sent. */
typedef struct queued {
  lithe_message message;
  uint64_t time;
} queued;

typedef struct queue {
  queued *items;
  size_t count;
  /* How many of them have been taken. */
  size_t taken;
} queue;

struct lithe_client {
  lithe_socket socket;
  lithe_request *request;
  lithe_state state;
  bool is_stream;
  bool is_pinned;
  lithe_text protocol;
  lithe_text attachment;
  /* To the component, in the kind `session`; and to the client. */
  queue inbound;
  queue outbound;
  /* How many bytes may wait for the client; 0 is any number. And how many do. */
  size_t limit;
  size_t waiting;
  bool found_full;
  /* How it has ended; a code of 0 if it has not. */
  lithe_close_info end;
  /* How the client ends it, once a session has received all that is inbound. */
  lithe_close_info client_end;
  lithe_text failure;
  /* What time it is for a session: it runs after all that it hears of. */
  uint64_t session_time;
  /* Whether the component has had its last call. */
  bool is_gone;
};

static lithe_client **all_clients;
static size_t client_count;

/* A socket that the component may still ask about. Returns NULL for any other. */
static lithe_client *known(lithe_socket socket);

static void enqueue(queue *queue, lithe_message message);
static bool dequeue(queue *queue, queued *next);

/* Begins the end, unless it has begun. */
static void end_with(lithe_client *client, int code, lithe_text reason, bool clean);

/* Removes a socket from its topics. */
static void leave_topics(lithe_socket socket);

/* Tells the component of every socket that has ended, until nothing more ends. */
static void settle(void);

/* ---- The clock (`lithe_played_clock.c`) ------------------------------------------------------ */

/* Milliseconds since the test began. */
static uint64_t time_now;

static void forget_timers(void);

/* ---- Routes (`lithe_played_route.c`) --------------------------------------------------------- */

/* Finds the app's route of a request, and fills in its pattern and parameters. Returns 200, 404, or
 * 405 with the methods that there are. */
static int find_app_route(lithe_request *request, lithe_text *allowed);

#endif

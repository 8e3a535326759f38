/* One component with several routes: `lithe_on_app` says which. `lithe.h` includes this file.
 *
 *     static lithe_outcome *room(lithe_event *event) {
 *       return lithe_respond_text(200, lithe_param(event, "id"));
 *     }
 *
 *     void lithe_on_app(lithe_app *app) {
 *       lithe_get(app, "/rooms/:id", room);
 *       lithe_app *admin = lithe_group(app, "/admin");
 *       lithe_use(admin, only_for_staff);
 *       lithe_post(admin, "/rooms", add_room);
 *     }
 *
 * The host matches paths with patterns, which are those of a site: `/rooms/:id`, `:id(\\d+)` with a
 * regular expression, `:id?` optional, `:path+` one segment or more, `:path*` any number, `*` one
 * segment without a name, `**` any number without one. A second route for the same
 * pattern and method is a trap, and the host refuses a malformed pattern. Such a component does not
 * load, and the log says why.
 *
 * The app's middleware runs around a handler first, then that of its groups, from the broadest to
 * the most specific. Each runs in the order of its registration, wherever it stands among the
 * routes. A failure, also one of a middleware, goes to the error handlers of the nearest group or
 * app around it. A failure of theirs goes on outward, and at last to the site's error handlers. */
#ifndef LITHE_APP_H
#define LITHE_APP_H

#include "lithe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An app, or a group in it. */
typedef struct lithe_app lithe_app;

/* A handler, or a middleware: a middleware calls `lithe_next`. NULL is a mistake, which is answered
 * with 500, and the log says so. */
typedef lithe_outcome *(*lithe_handler)(lithe_event *event);

/* Answers for a failure with a response, or with another failure in place of this one. NULL leaves
 * this one to the error handler that was registered next, then outward. */
typedef lithe_outcome *(*lithe_error_handler)(lithe_event *event, lithe_error error);

/* What hears of the sockets of one route. What is NULL is not called. */
typedef struct lithe_hooks {
  /* Answers a request for an upgrade. NULL is `lithe_upgrade(event, NULL)`. */
  lithe_handler upgrade;
  /* As `lithe_on_open`. */
  void (*open)(lithe_socket socket);
  /* As `lithe_on_message`. */
  void (*message)(lithe_socket socket, lithe_message message);
  /* As `lithe_on_drain`. */
  void (*drain)(lithe_socket socket);
  /* As `lithe_on_close`. */
  void (*close)(lithe_socket socket, lithe_close_info info);
} lithe_hooks;

/* Defined by a component with several routes, in place of `lithe_on_request`: adds its routes. It
 * is called once for each instance. */
void lithe_on_app(lithe_app *app);

/* Answers GET, and HEAD if nothing else does. */
void lithe_get(lithe_app *app, const char *pattern, lithe_handler handler);
void lithe_post(lithe_app *app, const char *pattern, lithe_handler handler);
void lithe_put(lithe_app *app, const char *pattern, lithe_handler handler);
void lithe_patch(lithe_app *app, const char *pattern, lithe_handler handler);
void lithe_delete(lithe_app *app, const char *pattern, lithe_handler handler);
void lithe_head(lithe_app *app, const char *pattern, lithe_handler handler);
/* Answers OPTIONS, in place of the host. */
void lithe_options(lithe_app *app, const char *pattern, lithe_handler handler);
/* Answers a method in upper case. */
void lithe_on(lithe_app *app, const char *method, const char *pattern, lithe_handler handler);
/* Answers every method for which the pattern has no other handler. */
void lithe_any(lithe_app *app, const char *pattern, lithe_handler handler);

/* Kind `hooks`: accepts WebSockets, and calls these hooks for them. `*hooks` has to stay where it
 * is. Requests that ask for no upgrade go to the handlers of the same pattern. Without such
 * handlers, they are answered with 426, and with 405 for a method other than GET.
 *
 * For sockets that a handler has accepted, the SDK calls `lithe_on_open` and its kind. If the
 * component defines none of them, such a socket fails: at its first message, or in place of
 * `lithe_on_resume`. */
void lithe_ws(lithe_app *app, const char *pattern, const lithe_hooks *hooks);
/* Kind `hooks`: calls these hooks for the streams that the pattern's handlers begin. Without hooks,
 * the SDK calls `lithe_on_open` and its kind. */
void lithe_streams(lithe_app *app, const char *pattern, const lithe_hooks *hooks);
/* Kind `hooks`: returns the hooks of a socket, or NULL if it has no hooks of its own. */
const lithe_hooks *lithe_hooks_of(lithe_socket socket);

/* Returns a group: its routes have the prefix before their patterns, which may have parameters, and
 * its middleware and error handlers are around them only. */
lithe_app *lithe_group(lithe_app *app, const char *prefix);
/* Runs a middleware around every route of the app or group. */
void lithe_use(lithe_app *app, lithe_handler middleware);
/* Has an error handler answer for the failures in the app or group. */
void lithe_catch(lithe_app *app, lithe_error_handler handler);

#ifdef __cplusplus
}
#endif

#endif

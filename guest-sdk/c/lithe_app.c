/* Apps: what `lithe_on_app` registers. It stays for as long as the instance does. */

#include "lithe_internal.h"

#ifdef LITHE_HAS_ROUTES

/* The app, or a group in it. */
struct lithe_app {
  /* NULL for the app itself. */
  const lithe_app *around;
  /* Before the patterns, with the prefixes of the groups around. */
  const char *prefix;
  lithe_handler *middleware;
  size_t middleware_count;
  lithe_error_handler *error_handlers;
  size_t error_handler_count;
};

/* What answers for one method of a pattern, and the group that it is of. */
typedef struct route {
  /* NULL is any. */
  const char *method;
  lithe_handler handler;
  const lithe_app *group;
} route;

/* What answers for one pattern. */
typedef struct slot {
  const char *pattern;
  route *routes;
  size_t route_count;
  /* For requests that ask for an upgrade. There are none if `hooks` is NULL. */
  const lithe_hooks *hooks;
  route sockets;
  /* What hears of streams. NULL if nothing does. */
  const lithe_hooks *streams;
} slot;

static slot *all_slots;
static size_t slot_count;

/* Three texts as one, which stays. */
static char *joined(const char *first, const char *second, const char *third) {
  char *made = allocate(strlen(first) + strlen(second) + strlen(third) + 1);
  sprintf(made, "%s%s%s", first, second, third);
  return made;
}

/* Bytes of a regular expression with its parentheses. */
static size_t regex_size(const char *start) {
  int depth = 0;
  for (const char *at = start; *at; at++) {
    if (*at == '\\' && at[1]) {
      at++;
    } else if (*at == '(') {
      depth++;
    } else if (*at == ')' && --depth == 0) {
      return (size_t)(at - start) + 1;
    }
  }
  trap(lithe_format("pattern `%s` is malformed: a `(` has no `)`", start).data);
}

/* The one spelling of a pattern, as the host has it: a leading `/`, no empty segments, no trailing
 * `/`. A `/` in a regular expression is part of that. */
static char *canonical(char *pattern) {
  char *end = pattern;
  for (const char *at = pattern; *at;) {
    if (*at == '(') {
      size_t size = regex_size(at);
      memmove(end, at, size);
      end += size;
      at += size;
    } else if (*at == '/' && (at[1] == '/' || !at[1])) {
      at++;
    } else {
      *end++ = *at++;
    }
  }
  if (end == pattern) *end++ = '/';
  *end = 0;
  return pattern;
}

static slot *find_slot(lithe_text pattern) {
  for (size_t i = 0; i < slot_count; i++) {
    if (lithe_is(pattern, all_slots[i].pattern)) return &all_slots[i];
  }
  return NULL;
}

static slot *slot_of(const lithe_app *app, const char *pattern) {
  char *whole = canonical(joined(app->prefix, "/", pattern));
  slot *found = find_slot(lithe_str(whole));
  if (found) {
    free(whole);
    return found;
  }
  all_slots = grown(all_slots, slot_count, sizeof *all_slots);
  all_slots[slot_count] = (slot){.pattern = whole};
  return &all_slots[slot_count++];
}

static bool is_same_method(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static const route *find_route(const slot *slot, const char *method) {
  for (size_t i = 0; i < slot->route_count; i++) {
    if (is_same_method(slot->routes[i].method, method)) return &slot->routes[i];
  }
  return NULL;
}

static void add_route(lithe_app *app, const char *method, const char *pattern,
                      lithe_handler handler) {
  slot *slot = slot_of(app, pattern);
  if (find_route(slot, method)) {
    const char *message = "the app has two routes for %s of `%s`: remove one";
    trap(lithe_format(message, method ? method : "any method", slot->pattern).data);
  }
  slot->routes = grown(slot->routes, slot->route_count, sizeof *slot->routes);
  slot->routes[slot->route_count++] = (route){method, handler, app};
}

#define METHOD(name, method)                                                 \
  void name(lithe_app *app, const char *pattern, lithe_handler handler) {    \
    add_route(app, method, pattern, handler);                                \
  }

METHOD(lithe_get, "GET")
METHOD(lithe_post, "POST")
METHOD(lithe_put, "PUT")
METHOD(lithe_patch, "PATCH")
METHOD(lithe_delete, "DELETE")
METHOD(lithe_head, "HEAD")
METHOD(lithe_options, "OPTIONS")
METHOD(lithe_any, NULL)

void lithe_on(lithe_app *app, const char *method, const char *pattern, lithe_handler handler) {
  add_route(app, joined(method, "", ""), pattern, handler);
}

void lithe_use(lithe_app *app, lithe_handler middleware) {
  app->middleware = grown(app->middleware, app->middleware_count, sizeof *app->middleware);
  app->middleware[app->middleware_count++] = middleware;
}

void lithe_catch(lithe_app *app, lithe_error_handler handler) {
  size_t count = app->error_handler_count++;
  app->error_handlers = grown(app->error_handlers, count, sizeof *app->error_handlers);
  app->error_handlers[count] = handler;
}

lithe_app *lithe_group(lithe_app *app, const char *prefix) {
  lithe_app *group = allocate(sizeof *group);
  *group = (lithe_app){.around = app, .prefix = joined(app->prefix, "/", prefix)};
  return group;
}

/* Has the guest register its routes, once. */
static void make_app(void) {
  static lithe_app app = {.prefix = ""};
  static bool is_made;
  if (is_made) return;
  is_made = true;
  lithe_on_app(&app);
}

#ifdef LITHE_KIND_HOOKS
/* The slot's own hooks answer an upgrade. */
static lithe_outcome *accept_upgrade(lithe_event *event);

void lithe_ws(lithe_app *app, const char *pattern, const lithe_hooks *hooks) {
  slot *slot = slot_of(app, pattern);
  if (slot->hooks) {
    const char *message = "the app has two routes for sockets of `%s`: remove one";
    trap(lithe_format(message, slot->pattern).data);
  }
  slot->hooks = hooks;
  slot->sockets = (route){NULL, accept_upgrade, app};
}

void lithe_streams(lithe_app *app, const char *pattern, const lithe_hooks *hooks) {
  slot *slot = slot_of(app, pattern);
  if (slot->streams) {
    const char *message = "the app has two hooks for streams of `%s`: remove one";
    trap(lithe_format(message, slot->pattern).data);
  }
  slot->streams = hooks;
}
#endif

/* ---- What the host is told ------------------------------------------------------------------- */

static void tell_route(exports_lithe_plugin_routes_list_route_t *all, const char *method,
                       const char *pattern) {
  exports_lithe_plugin_routes_route_t *route = &all->ptr[all->len++];
  *route = (exports_lithe_plugin_routes_route_t){0};
  route->method.is_some = method != NULL;
  route->method.val = copy_str(method);
  route->pattern = copy_str(pattern);
}

void exports_lithe_plugin_routes_all(exports_lithe_plugin_routes_list_route_t *ret) {
  make_app();
  size_t count = 0;
  for (size_t i = 0; i < slot_count; i++) count += all_slots[i].route_count + 1;
  *ret = (exports_lithe_plugin_routes_list_route_t){allocate(count * sizeof *ret->ptr), 0};
  for (size_t i = 0; i < slot_count; i++) {
    const slot *slot = &all_slots[i];
    for (size_t j = 0; j < slot->route_count; j++) {
      tell_route(ret, slot->routes[j].method, slot->pattern);
    }
    if (slot->hooks && !find_route(slot, NULL)) tell_route(ret, NULL, slot->pattern);
  }
  finish();
}

#endif

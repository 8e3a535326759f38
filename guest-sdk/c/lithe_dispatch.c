/* Apps: from what the host says to the route that it means. */

#include "lithe_internal.h"

/* The outcome of the guest's function, which must not be NULL. */
static lithe_outcome *checked(lithe_event *event, lithe_outcome *outcome) {
  if (outcome) return outcome;
  const char *parts[] = {"a handler or a middleware of `", lithe_method(event).data, " ",
                         lithe_route(event).data,
                         "` has returned nothing: return a response, such as one with the status 204",
                         NULL};
  return lithe_fault(kept_joined(parts));
}

#ifndef LITHE_HAS_ROUTES

#ifndef LITHE_KIND_ERROR
static lithe_outcome *serve(lithe_event *event) {
  return checked(event, lithe_on_request(event));
}
#endif

#ifdef LITHE_KIND_HOOKS
static const lithe_hooks *hooks_of(lithe_socket socket) { return (void)socket, &component_hooks; }

static void forget(lithe_socket socket) { (void)socket; }

static bool is_unheard(lithe_socket socket) { return (void)socket, false; }

const lithe_hooks *lithe_hooks_of(lithe_socket socket) { return (void)socket, NULL; }
#endif

#else

/* Groups in one another. */
#define MAX_GROUPS 64

/* A request's way through an app: what `lithe_next` runs. */
struct place {
  const slot *slot;
  const route *route;
  /* The groups around the route, the most specific one first, and how many of them are to come. */
  const lithe_app *const *groups;
  size_t left;
  /* The middleware of the next group that has run. */
  size_t middleware;
  bool has_run;
};

static lithe_outcome *run_group(lithe_event *event, place place);

/* Runs the middleware of a group that is to come, and what is inside of the group. */
static lithe_outcome *run_middleware(lithe_event *event, place place) {
  const lithe_app *group = place.groups[place.left - 1];
  if (place.middleware == group->middleware_count) {
    place.left--;
    place.middleware = 0;
    return run_group(event, place);
  }
  lithe_handler middleware = group->middleware[place.middleware++];
  struct place *before = event->place;
  event->place = &place;
  lithe_outcome *outcome = checked(event, middleware(event));
  event->place = before;
  return outcome;
}

/* Runs the groups that are to come, one in the other, and the route's handler in all of them. */
static lithe_outcome *run_group(lithe_event *event, place place) {
  if (!place.left) {
    struct place *before = event->place;
    /* The handler has nothing behind it. Only the slot is for `accept_upgrade`. */
    place.has_run = true;
    event->place = &place;
    lithe_outcome *outcome = checked(event, place.route->handler(event));
    event->place = before;
    return outcome;
  }
  lithe_outcome *outcome = run_middleware(event, place);
  const lithe_app *group = place.groups[place.left - 1];
  for (size_t i = 0; i < group->error_handler_count && outcome->kind == FAILURE; i++) {
    lithe_outcome *made = group->error_handlers[i](event, error_of(&outcome->as.failure));
    if (made && (made->kind == RESPONSE || made->kind == FAILURE)) outcome = made;
  }
  return outcome;
}

lithe_outcome *lithe_next(lithe_event *event) {
  place *place = event->place;
  if (!place || place->has_run) {
    return lithe_fault("`lithe_next` runs the rest of the chain once, and only for a middleware");
  }
  place->has_run = true;
  struct place rest = *place;
  rest.has_run = false;
  return run_middleware(event, rest);
}

/* What answers a request. */
static const route *choose(const slot *slot, const char *method, lithe_event *event) {
  const route *sockets = slot->hooks ? &slot->sockets : NULL;
  if (sockets && lithe_is_upgrade_request(event)) return sockets;
  const route *found = find_route(slot, method);
  if (!found) found = find_route(slot, NULL);
  if (!found && strcmp(method, "HEAD") == 0) found = find_route(slot, "GET");
  return found ? found : sockets;
}

#ifdef LITHE_KIND_HOOKS
/* The hooks of sockets and streams that this instance has seen, by the socket's number. */
static table hooks_by_socket;

/* What stands for hooks where a route has none, or is gone: otherwise its sockets would stay
 * silent. */
static void fail_message(lithe_socket socket, lithe_message message) {
  (void)message;
  lithe_fail(socket, unheard);
}

static const lithe_hooks no_hooks = {.message = fail_message};

/* What hears of a socket whose route has no hooks: the component's own functions, if it has any. */
#ifdef LITHE_HEARS_SOCKETS
static const lithe_hooks *const other_hooks = &component_hooks;
#else
static const lithe_hooks *const other_hooks = &no_hooks;
#endif

static const lithe_hooks *hooks_in(const slot *slot, bool is_stream) {
  const lithe_hooks *hooks = is_stream ? slot->streams : slot->hooks;
  /* A stream that its handler sends needs no hooks. */
  return hooks ? hooks : is_stream ? &component_hooks : other_hooks;
}

static lithe_outcome *accept_upgrade(lithe_event *event) {
  lithe_handler upgrade = event->place->slot->hooks->upgrade;
  if (upgrade && lithe_is_upgrade_request(event)) return checked(event, upgrade(event));
  /* The host refuses any other request. */
  return lithe_upgrade(event, NULL);
}

/* Remembers who hears of the socket that a request has become. Of an upgrade that a handler has
 * accepted, although the pattern has hooks, these do not. */
static void remember(const slot *slot, const route *route, const lithe_outcome *outcome) {
  if (outcome->kind == UPGRADE) {
    const lithe_hooks *hooks = route == &slot->sockets ? hooks_in(slot, false) : other_hooks;
    table_set(&hooks_by_socket, outcome->as.upgrade.socket, (void *)hooks);
  } else if (outcome->kind == STREAM) {
    table_set(&hooks_by_socket, outcome->as.stream.socket, (void *)hooks_in(slot, true));
  }
}

/* The hooks that hear of a socket. For a socket that an earlier instance has accepted, the pattern
 * of its request tells. */
static const lithe_hooks *hooks_of(lithe_socket socket) {
  const lithe_hooks *hooks = table_get(&hooks_by_socket, socket);
  if (hooks) return hooks;
  lithe_event *event = lithe_event_of(socket);
  if (!event) return &component_hooks;
  make_app();
  const slot *slot = find_slot(lithe_route(event));
  hooks = slot ? hooks_in(slot, !lithe_is_upgrade_request(event)) : &no_hooks;
  table_set(&hooks_by_socket, socket, (void *)hooks);
  return hooks;
}

static void forget(lithe_socket socket) { table_remove(&hooks_by_socket, socket); }

static bool is_unheard(lithe_socket socket) { return hooks_of(socket) == &no_hooks; }

const lithe_hooks *lithe_hooks_of(lithe_socket socket) {
  const lithe_hooks *hooks = hooks_of(socket);
  return hooks == &component_hooks || is_unheard(socket) ? NULL : hooks;
}
#else
static void remember(const slot *slot, const route *route, const lithe_outcome *outcome) {
  (void)slot, (void)route, (void)outcome;
}
#endif

static lithe_outcome *serve(lithe_event *event) {
  make_app();
  lithe_text method = lithe_method(event), pattern = lithe_route(event);
  const slot *slot = find_slot(pattern);
  const route *route = slot ? choose(slot, method.data, event) : NULL;
  if (!route) {
    const char *reason = "the app has no route for %s of `%s`";
    return lithe_fault(lithe_format(reason, method.data, pattern.data).data);
  }
  const lithe_app *groups[MAX_GROUPS];
  size_t count = 0;
  for (const lithe_app *group = route->group; group; group = group->around) {
    if (count == MAX_GROUPS) trap("groups of the app are nested deeper than 64 levels");
    groups[count++] = group;
  }
  place start = {.slot = slot, .route = route, .groups = groups, .left = count};
  lithe_outcome *outcome = run_group(event, start);
  remember(slot, route, outcome);
  return outcome;
}
#endif

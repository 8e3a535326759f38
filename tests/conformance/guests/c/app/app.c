/* The app of `tests/src/conformance/app.rs`, in C. */

#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "tally.h"

/* ---- Votes ----------------------------------------------------------------------------------- */

static lithe_outcome *tell_votes(lithe_event *event) {
  (void)event;
  return lithe_respond_json(200, tally_json());
}

static lithe_outcome *vote(lithe_event *event) {
  tally_add(lithe_param(event, "option"), 1);
  lithe_publish(lithe_str("votes"), (lithe_message){tally_json(), false}, LITHE_NOBODY);
  return tell_votes(event);
}

static bool saving_fails;

static lithe_outcome *set_saving(lithe_event *event) {
  saving_fails = strcmp(lithe_param(event, "how").data, "fails") == 0;
  return lithe_respond_text(200, lithe_str("ok"));
}

const char *lithe_on_save(lithe_text *saved) {
  if (saving_fails) return "cannot save, as told";
  *saved = tally_json();
  return NULL;
}

const char *lithe_on_restore(lithe_text saved) {
  return tally_add_json(saved) ? NULL : "what was saved is not a tally";
}

const char *lithe_on_health(void) {
  const char *sick = getenv("SICK");
  return sick && *sick ? lithe_format("sick: %s", sick).data : NULL;
}

/* ---- What a request says --------------------------------------------------------------------- */

static lithe_outcome *tell_environment(lithe_event *event) {
  const char *value = getenv(lithe_param(event, "name").data);
  return value ? lithe_respond_text(200, lithe_str(value)) : lithe_failure(404, "Not Found");
}

static lithe_outcome *item(lithe_event *event) {
  int64_t id;
  lithe_outcome *refused = lithe_param_integer(event, "id", &id);
  if (refused) return refused;
  return lithe_respond_json(200, lithe_format("{\"id\":%lld}", (long long)id));
}

static lithe_outcome *query(lithe_event *event) {
  int64_t n;
  lithe_outcome *refused = lithe_query_integer(event, "n", &n);
  if (refused) return refused;
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  lithe_write_name(json, lithe_str("n"));
  lithe_write_integer(json, n);
  lithe_write_name(json, lithe_str("name"));
  lithe_write_string(json, lithe_query_param(event, "name"));
  lithe_write_end(json);
  return lithe_respond_json(200, lithe_written(json));
}

static lithe_outcome *cookies(lithe_event *event) {
  lithe_outcome *outcome = lithe_respond_text(200, lithe_cookie(event, "a"));
  lithe_new_cookie cookie = {
      .name = "b",
      .value = "2",
      .path = "/",
      .max_age = 60,
      .same_site = LITHE_SAME_SITE_LAX,
      .http_only = true,
  };
  lithe_set_cookie(outcome, &cookie);
  return outcome;
}

static lithe_outcome *form(lithe_event *event) {
  lithe_text name;
  int64_t age;
  lithe_outcome *refused = lithe_form_text(event, "name", &name);
  if (!refused) refused = lithe_form_integer(event, "age", &age);
  if (refused) return refused;
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  lithe_write_name(json, lithe_str("age"));
  lithe_write_integer(json, age);
  lithe_write_name(json, lithe_str("name"));
  lithe_write_string(json, name);
  lithe_write_end(json);
  return lithe_respond_json(200, lithe_written(json));
}

static lithe_outcome *json(lithe_event *event) {
  lithe_json body;
  lithe_text name;
  lithe_outcome *refused = lithe_json_body(event, &body);
  if (refused) return refused;
  if (!lithe_json_string(lithe_json_field(body, "name"), &name)) {
    return lithe_failure(400, "field `name` is missing, or not a string");
  }
  return lithe_respond_text(200, name);
}

static lithe_outcome *half(lithe_event *event) {
  lithe_json body;
  double n;
  lithe_outcome *refused = lithe_json_body(event, &body);
  if (refused) return refused;
  if (!lithe_json_number(lithe_json_field(body, "n"), &n)) {
    return lithe_failure(400, "field `n` is missing, or not a number");
  }
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  lithe_write_name(json, lithe_str("half"));
  lithe_write_number(json, n / 2);
  lithe_write_end(json);
  return lithe_respond_json(200, lithe_written(json));
}

static int count_values(lithe_json value) {
  int count = 1;
  lithe_text name;
  lithe_json inner;
  for (size_t at = 0; lithe_json_next_item(value, &at, &inner);) count += count_values(inner);
  for (size_t at = 0; lithe_json_next_field(value, &at, &name, &inner);) {
    count += count_values(inner);
  }
  return count;
}

static lithe_outcome *count(lithe_event *event) {
  lithe_json body;
  int64_t limit;
  if (lithe_to_integer(lithe_query_param(event, "limit"), &limit)) {
    lithe_limit_body(event, (size_t)limit);
  }
  lithe_outcome *refused = lithe_json_body(event, &body);
  if (refused) return refused;
  return lithe_respond_text(200, lithe_format("%d", count_values(body)));
}

static lithe_outcome *see(lithe_event *event) {
  lithe_set_local(event, "seen", lithe_str("yes"));
  return lithe_next(event);
}

static lithe_outcome *local(lithe_event *event) {
  return lithe_respond_text(200, lithe_local(event, "seen"));
}

/* ---- Other answers --------------------------------------------------------------------------- */

static lithe_outcome *ok(lithe_event *event) {
  (void)event;
  return lithe_respond_text(200, lithe_str("ok"));
}

static lithe_outcome *in(lithe_event *event) {
  (void)event;
  return lithe_respond_text(200, lithe_str("in"));
}

static lithe_outcome *redirect(lithe_event *event) {
  lithe_text to = lithe_query_param(event, "to");
  return lithe_redirect(303, to.data ? to.data : "/votes");
}

static lithe_outcome *throw_up(lithe_event *event) {
  (void)event;
  return lithe_fault("secret detail");
}

static lithe_outcome *refuse(lithe_event *event) {
  (void)event;
  return lithe_failure(418, "teapot");
}

static lithe_outcome *catch_teapot(lithe_event *event, lithe_error error) {
  (void)event;
  if (error.status != 418) return NULL;
  lithe_outcome *outcome = lithe_respond_text(418, lithe_format("caught: %s", error.message.data));
  lithe_add_header(outcome, "x-caught", "yes");
  return outcome;
}

static lithe_outcome *events(lithe_event *event) {
  lithe_socket socket;
  lithe_outcome *outcome = lithe_event_stream(event, &socket);
  if (lithe_is_failure(outcome)) return outcome;
  for (int i = 1; i <= 3; i++) {
    lithe_sse number = {.data = lithe_format("%d", i)};
    lithe_send_event(socket, &number);
  }
  lithe_close(socket, 1000, NULL);
  return outcome;
}

/* Sends what the body of `/stream` is made of, once the head is sent. */
static void send_letters(lithe_socket socket) {
  lithe_send_text(socket, lithe_str("a"));
  lithe_send_text(socket, lithe_str("b"));
  lithe_send_binary(socket, lithe_str("c"));
  lithe_close(socket, 1000, NULL);
}

static const lithe_hooks letters = {.open = send_letters};

static lithe_outcome *stream(lithe_event *event) {
  return lithe_stream(event, 200, "text/plain", NULL);
}

/* ---- Middleware ------------------------------------------------------------------------------ */

static lithe_outcome *only_with_token(lithe_event *event) {
  static const char *const tokens[] = {"secret", NULL};
  return lithe_bearer_auth(event, tokens);
}

static lithe_outcome *only_users(lithe_event *event) {
  static const lithe_user users[] = {{"ann", "pw"}, {NULL, NULL}};
  return lithe_basic_auth(event, "basic", users);
}

static lithe_outcome *only_with_secret(lithe_event *event) {
  const char *const tokens[] = {getenv("TOKEN"), NULL};
  return lithe_bearer_auth(event, tokens);
}

static lithe_outcome *only_with_password(lithe_event *event) {
  lithe_user users[] = {{"ann", getenv("TOKEN")}, {"bob", getenv("MISSING")}, {NULL, NULL}};
  return lithe_basic_auth(event, "safe", users);
}

static lithe_outcome *nothing(lithe_event *event) {
  (void)event;
  return NULL;
}

static lithe_outcome *forget(lithe_event *event) {
  lithe_next(event);
  return NULL;
}

static lithe_outcome *cors(lithe_event *event) {
  static const char *const origins[] = {"https://app.example", NULL};
  static const lithe_cors_options options = {.origins = origins, .methods = "PUT"};
  return lithe_cors(event, &options);
}

static lithe_outcome *same_origin(lithe_event *event) { return lithe_same_origin(event, NULL); }

static lithe_outcome *outer(lithe_event *event) {
  lithe_outcome *outcome = lithe_next(event);
  lithe_add_header(outcome, "x-order", "outer");
  return outcome;
}

static lithe_outcome *inner(lithe_event *event) {
  lithe_outcome *outcome = lithe_next(event);
  lithe_add_header(outcome, "x-order", "inner");
  return outcome;
}

/* ---- Routes ---------------------------------------------------------------------------------- */

void lithe_on_app(lithe_app *app) {
  lithe_use(app, see);
  lithe_catch(app, catch_teapot);

  lithe_post(app, "/votes/:option", vote);
  lithe_get(app, "/votes", tell_votes);
  lithe_post(app, "/saving/:how", set_saving);
  lithe_ws(app, "/live", &live);
  lithe_ws(app, "/rooms/:id", &rooms);
  lithe_get(app, "/env/:name", tell_environment);
  lithe_get(app, "/item/:id", item);
  lithe_get(app, "/query", query);
  lithe_get(app, "/cookies", cookies);
  lithe_post(app, "/form", form);
  lithe_post(app, "/json", json);
  lithe_post(app, "/half", half);
  lithe_post(app, "/count", count);
  lithe_get(app, "/local", local);
  lithe_get(app, "/redirect", redirect);
  lithe_get(app, "/throw", throw_up);
  lithe_get(app, "/refuse", refuse);
  lithe_get(app, "/events", events);
  lithe_get(app, "/stream", stream);
  lithe_streams(app, "/stream", &letters);
  lithe_get(app, "/other-method", ok);

  lithe_app *admin = lithe_group(app, "/admin");
  lithe_use(admin, only_with_token);
  lithe_get(admin, "/who", in);

  lithe_app *basic = lithe_group(app, "/basic");
  lithe_use(basic, only_users);
  lithe_get(basic, "/who", in);

  lithe_app *vault = lithe_group(app, "/vault");
  lithe_use(vault, only_with_secret);
  lithe_get(vault, "/who", in);

  lithe_app *safe = lithe_group(app, "/safe");
  lithe_use(safe, only_with_password);
  lithe_get(safe, "/who", in);

  lithe_get(app, "/nothing", nothing);
  lithe_app *forgotten = lithe_group(app, "/nothing/around");
  lithe_use(forgotten, forget);
  lithe_get(forgotten, "/", ok);

  lithe_app *shared = lithe_group(app, "/cors");
  lithe_use(shared, cors);
  lithe_put(shared, "/x", ok);
  lithe_options(shared, "/x", ok);

  lithe_app *own = lithe_group(app, "/origin");
  lithe_use(own, same_origin);
  lithe_ws(own, "/live", &live);

  lithe_app *traced = lithe_group(app, "/traced");
  lithe_use(traced, lithe_request_id);
  lithe_use(traced, lithe_timing);
  lithe_get(traced, "/x", ok);

  lithe_app *around = lithe_group(app, "/outer");
  lithe_use(around, outer);
  lithe_app *within = lithe_group(around, "/inner");
  lithe_use(within, inner);
  lithe_get(within, "/x", ok);
}

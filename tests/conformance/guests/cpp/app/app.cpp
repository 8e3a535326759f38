// The app of `tests/src/conformance/app.rs`, in C++.

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sockets.h"
#include "tally.h"

namespace {

// ---- Votes -------------------------------------------------------------------------------------

lithe_outcome *tell_votes(lithe_event *) { return lithe_respond_json(200, tally.json()); }

lithe_outcome *vote(lithe_event *event) {
  tally.add(lithe_param(event, "option"), 1);
  lithe_publish(lithe_str("votes"), {tally.json(), false}, LITHE_NOBODY);
  return tell_votes(event);
}

bool saving_fails = false;

lithe_outcome *set_saving(lithe_event *event) {
  saving_fails = strcmp(lithe_param(event, "how").data, "fails") == 0;
  return lithe_respond_text(200, lithe_str("ok"));
}

// ---- What a request says -----------------------------------------------------------------------

lithe_outcome *tell_environment(lithe_event *event) {
  const char *value = getenv(lithe_param(event, "name").data);
  return value ? lithe_respond_text(200, lithe_str(value)) : lithe_failure(404, "Not Found");
}

lithe_outcome *item(lithe_event *event) {
  int64_t id;
  if (auto *refused = lithe_param_integer(event, "id", &id)) return refused;
  return lithe_respond_json(200, Object().add("id", id).text());
}

lithe_outcome *query(lithe_event *event) {
  int64_t n;
  if (auto *refused = lithe_query_integer(event, "n", &n)) return refused;
  const lithe_text name = lithe_query_param(event, "name");
  return lithe_respond_json(200, Object().add("n", n).add("name", name).text());
}

lithe_outcome *cookies(lithe_event *event) {
  auto *outcome = lithe_respond_text(200, lithe_cookie(event, "a"));
  const lithe_new_cookie cookie = {
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

lithe_outcome *form(lithe_event *event) {
  lithe_text name;
  int64_t age;
  if (auto *refused = lithe_form_text(event, "name", &name)) return refused;
  if (auto *refused = lithe_form_integer(event, "age", &age)) return refused;
  return lithe_respond_json(200, Object().add("age", age).add("name", name).text());
}

lithe_outcome *json(lithe_event *event) {
  lithe_json body;
  lithe_text name;
  if (auto *refused = lithe_json_body(event, &body)) return refused;
  if (!lithe_json_string(lithe_json_field(body, "name"), &name)) {
    return lithe_failure(400, "field `name` is missing, or not a string");
  }
  return lithe_respond_text(200, name);
}

lithe_outcome *half(lithe_event *event) {
  lithe_json body;
  double n;
  if (auto *refused = lithe_json_body(event, &body)) return refused;
  if (!lithe_json_number(lithe_json_field(body, "n"), &n)) {
    return lithe_failure(400, "field `n` is missing, or not a number");
  }
  return lithe_respond_json(200, Object().add("half", n / 2).text());
}

int count_values(lithe_json value) {
  int count = 1;
  lithe_text name;
  lithe_json inner;
  for (size_t at = 0; lithe_json_next_item(value, &at, &inner);) count += count_values(inner);
  for (size_t at = 0; lithe_json_next_field(value, &at, &name, &inner);) {
    count += count_values(inner);
  }
  return count;
}

lithe_outcome *count(lithe_event *event) {
  lithe_json body;
  int64_t limit;
  if (lithe_to_integer(lithe_query_param(event, "limit"), &limit)) {
    lithe_limit_body(event, static_cast<size_t>(limit));
  }
  if (auto *refused = lithe_json_body(event, &body)) return refused;
  return lithe_respond_text(200, lithe_format("%d", count_values(body)));
}

lithe_outcome *redirect(lithe_event *event) {
  const lithe_text to = lithe_query_param(event, "to");
  return lithe_redirect(303, to.data ? to.data : "/votes");
}

lithe_outcome *local(lithe_event *event) {
  return lithe_respond_text(200, lithe_local(event, "seen"));
}

// ---- Other answers -----------------------------------------------------------------------------

lithe_outcome *ok(lithe_event *) { return lithe_respond_text(200, lithe_str("ok")); }

lithe_outcome *in(lithe_event *) { return lithe_respond_text(200, lithe_str("in")); }

lithe_outcome *catch_teapot(lithe_event *, lithe_error error) {
  if (error.status != 418) return nullptr;
  auto *outcome = lithe_respond_text(418, lithe_format("caught: %s", error.message.data));
  lithe_add_header(outcome, "x-caught", "yes");
  return outcome;
}

lithe_outcome *events(lithe_event *event) {
  lithe_socket socket;
  auto *outcome = lithe_event_stream(event, &socket);
  if (lithe_is_failure(outcome)) return outcome;
  const char *const numbers[] = {"1", "2", "3"};
  for (const char *number : numbers) {
    const lithe_sse said = {.data = lithe_str(number)};
    lithe_send_event(socket, &said);
  }
  lithe_close(socket, 1000, nullptr);
  return outcome;
}

// Sends what the body of `/stream` is made of, once the head is sent.
const lithe_hooks letters = {
    .open =
        [](lithe_socket socket) {
          const char *const pieces[] = {"a", "b", "c"};
          for (const char *piece : pieces) lithe_send_text(socket, lithe_str(piece));
          lithe_close(socket, 1000, nullptr);
        },
};

// ---- Middleware --------------------------------------------------------------------------------

lithe_outcome *see(lithe_event *event) {
  lithe_set_local(event, "seen", lithe_str("yes"));
  return lithe_next(event);
}

lithe_outcome *only_with_token(lithe_event *event) {
  const char *const tokens[] = {"secret", nullptr};
  return lithe_bearer_auth(event, tokens);
}

lithe_outcome *only_users(lithe_event *event) {
  const lithe_user users[] = {{"ann", "pw"}, {}};
  return lithe_basic_auth(event, "basic", users);
}

lithe_outcome *cors(lithe_event *event) {
  const char *const origins[] = {"https://app.example", nullptr};
  const lithe_cors_options options = {.origins = origins, .methods = "PUT"};
  return lithe_cors(event, &options);
}

lithe_outcome *same_origin(lithe_event *event) { return lithe_same_origin(event, nullptr); }

// Leaves a name in a header.
lithe_outcome *marked(lithe_event *event, const char *name) {
  auto *outcome = lithe_next(event);
  lithe_add_header(outcome, "x-order", name);
  return outcome;
}

}  // namespace

// ---- What the SDK calls ------------------------------------------------------------------------

const char *lithe_on_save(lithe_text *saved) {
  if (saving_fails) return "cannot save, as told";
  *saved = tally.json();
  return nullptr;
}

const char *lithe_on_restore(lithe_text saved) {
  return tally.add(lithe_json_read(saved)) ? nullptr : "what was saved is not a tally";
}

const char *lithe_on_health() {
  const char *sick = getenv("SICK");
  return sick && *sick ? lithe_format("sick: %s", sick).data : nullptr;
}

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
  lithe_get(app, "/throw", [](lithe_event *) { return lithe_fault("secret detail"); });
  lithe_get(app, "/refuse", [](lithe_event *) { return lithe_failure(418, "teapot"); });
  lithe_get(app, "/events", events);
  lithe_get(app, "/stream", [](lithe_event *event) {
    return lithe_stream(event, 200, "text/plain", nullptr);
  });
  lithe_streams(app, "/stream", &letters);
  lithe_get(app, "/other-method", ok);

  auto *admin = lithe_group(app, "/admin");
  lithe_use(admin, only_with_token);
  lithe_get(admin, "/who", in);

  auto *basic = lithe_group(app, "/basic");
  lithe_use(basic, only_users);
  lithe_get(basic, "/who", in);

  auto *vault = lithe_group(app, "/vault");
  lithe_use(vault, [](lithe_event *event) {
    const char *tokens[] = {getenv("TOKEN"), nullptr};
    return lithe_bearer_auth(event, tokens);
  });
  lithe_get(vault, "/who", in);

  auto *safe = lithe_group(app, "/safe");
  lithe_use(safe, [](lithe_event *event) {
    lithe_user users[] = {{"ann", getenv("TOKEN")}, {"bob", getenv("MISSING")}, {}};
    return lithe_basic_auth(event, "safe", users);
  });
  lithe_get(safe, "/who", in);

  lithe_get(app, "/nothing", [](lithe_event *) -> lithe_outcome * { return nullptr; });
  auto *forgotten = lithe_group(app, "/nothing/around");
  lithe_use(forgotten, [](lithe_event *event) -> lithe_outcome * {
    lithe_next(event);
    return nullptr;
  });
  lithe_get(forgotten, "/", ok);

  auto *shared = lithe_group(app, "/cors");
  lithe_use(shared, cors);
  lithe_put(shared, "/x", ok);
  lithe_options(shared, "/x", ok);

  auto *own = lithe_group(app, "/origin");
  lithe_use(own, same_origin);
  lithe_ws(own, "/live", &live);

  auto *traced = lithe_group(app, "/traced");
  lithe_use(traced, lithe_request_id);
  lithe_use(traced, lithe_timing);
  lithe_get(traced, "/x", ok);

  auto *outer = lithe_group(app, "/outer");
  lithe_use(outer, [](lithe_event *event) { return marked(event, "outer"); });
  auto *inner = lithe_group(outer, "/inner");
  lithe_use(inner, [](lithe_event *event) { return marked(event, "inner"); });
  lithe_get(inner, "/x", ok);
}

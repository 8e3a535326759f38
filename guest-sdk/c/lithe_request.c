/* Parts of a request that a client may have got wrong: queries, forms, cookies and numbers. */

#include "lithe_internal.h"

static lithe_outcome *bad_request(const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  /* What the client has sent may have been cut within a character. */
  return lithe_failure(400, as_utf8(lithe_str(message)).data);
}

/* Whether a text is an integer, however large. */
static bool is_integer(lithe_text text) {
  if (text.size && (text.data[0] == '-' || text.data[0] == '+')) text = behind(text, 1);
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  }
  return text.size > 0;
}

static lithe_outcome *read_integer(const char *what, const char *name, lithe_text text,
                                   int64_t *value) {
  if (!text.data) return bad_request("%s `%s` is missing", what, name);
  if (lithe_to_integer(text, value)) return NULL;
  const char *why = is_integer(text) ? "out of range" : "not an integer";
  return bad_request("%s `%s` is `%s`: %s", what, name, text.data, why);
}

/* The first value of that name in a query or a form. */
static lithe_text form_value(lithe_text form, const char *name) {
  while (form.size) {
    lithe_text pair, key, value;
    split(form, '&', &pair, &form);
    bool has_value = split(pair, '=', &key, &value);
    if (decodes_to(key, name, true)) {
      return has_value ? percent_decoded(value, true) : lithe_str("");
    }
  }
  return none;
}

lithe_outcome *lithe_param_integer(lithe_event *event, const char *name, int64_t *value) {
  return read_integer("parameter", name, lithe_param(event, name), value);
}

lithe_text lithe_query_param(lithe_event *event, const char *name) {
  return form_value(lithe_query(event), name);
}

lithe_outcome *lithe_query_integer(lithe_event *event, const char *name, int64_t *value) {
  return read_integer("query parameter", name, lithe_query_param(event, name), value);
}

/* NULL if the body is a form. */
static lithe_outcome *check_form(lithe_event *event) {
  static const char form[] = "application/x-www-form-urlencoded";
  lithe_text type, parameters;
  split(lithe_header(event, "content-type"), ';', &type, &parameters);
  if (equals_in_any_case(trimmed(type), lithe_str(form))) return NULL;
  return lithe_failure(415, "the body is not `application/x-www-form-urlencoded`");
}

lithe_outcome *lithe_form_text(lithe_event *event, const char *name, lithe_text *value) {
  lithe_outcome *refused = check_form(event);
  if (refused) return refused;
  /* Not by `lithe_body`, which keeps the body: each field would keep it once more. */
  lithe_wit_list_u8_t body;
  lithe_plugin_event_method_event_body(borrow(event), &body);
  refused = check_size(event, body.len);
  lithe_text text =
      refused ? none : form_value((lithe_text){(const char *)body.ptr, body.len}, name);
  if (body.len) free(body.ptr);
  if (refused) return refused;
  if (!text.data) return bad_request("form field `%s` is missing", name);
  *value = text;
  return NULL;
}

lithe_outcome *lithe_form_integer(lithe_event *event, const char *name, int64_t *value) {
  lithe_text text;
  lithe_outcome *refused = lithe_form_text(event, name, &text);
  return refused ? refused : read_integer("form field", name, text, value);
}

static lithe_text unquoted(lithe_text value) {
  bool is_quoted = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
  return is_quoted ? (lithe_text){value.data + 1, value.size - 2} : value;
}

/* Names stay as they were sent: a browser guards `__Host-a`, and would take `__%48ost-a` from
 * anybody. */
size_t lithe_cookies(lithe_event *event, const lithe_field **cookies) {
  const lithe_field *headers;
  lithe_field *found = NULL;
  size_t count = 0, all = lithe_headers(event, &headers);
  for (size_t i = 0; i < all; i++) {
    lithe_text rest = lithe_is(headers[i].name, "cookie") ? headers[i].value : none;
    while (rest.size) {
      lithe_text pair, name, value;
      split(rest, ';', &pair, &rest);
      if (!split(pair, '=', &name, &value) || !trimmed(name).size) continue;
      found = grown(found, count, sizeof *found);
      found[count++] = (lithe_field){kept_copy(trimmed(name)),
                                     percent_decoded(unquoted(trimmed(value)), false)};
    }
  }
  if (found) keep(found, NULL);
  *cookies = found;
  return count;
}

lithe_text lithe_cookie(lithe_event *event, const char *name) {
  const lithe_field *cookies;
  size_t count = lithe_cookies(event, &cookies);
  for (size_t i = 0; i < count; i++) {
    if (lithe_is(cookies[i].name, name)) return cookies[i].value;
  }
  return none;
}

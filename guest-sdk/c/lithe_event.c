/* The request. */

#include "lithe_internal.h"

static void drop_event(void *memory) {
  lithe_event *event = memory;
  lithe_plugin_event_event_drop_own(event->handle);
}

/* What JSON or a form says may take many times its bytes, and a shared instance's memory is that of
 * all its clients. */
#define BODY_LIMIT (128 * 1024)

static lithe_event *keep_event(lithe_plugin_event_own_event_t handle) {
  lithe_event *event = allocate(sizeof *event);
  *event = (lithe_event){.handle = handle, .body_limit = BODY_LIMIT};
  keep(event, drop_event);
  return event;
}

static lithe_plugin_event_borrow_event_t borrow(lithe_event *event) {
  return lithe_plugin_event_borrow_event(event->handle);
}

#define ACCESSOR(name, function)                    \
  lithe_text name(lithe_event *event) {             \
    lithe_wit_string_t text;                        \
    function(borrow(event), &text);                 \
    return take(text.ptr, text.len);                \
  }

ACCESSOR(lithe_id, lithe_plugin_event_method_event_id)
ACCESSOR(lithe_method, lithe_plugin_event_method_event_method)
ACCESSOR(lithe_uri, lithe_plugin_event_method_event_uri)
ACCESSOR(lithe_path, lithe_plugin_event_method_event_path)
ACCESSOR(lithe_scheme, lithe_plugin_event_method_event_scheme)
ACCESSOR(lithe_authority, lithe_plugin_event_method_event_authority)
ACCESSOR(lithe_route, lithe_plugin_event_method_event_route)
ACCESSOR(lithe_client_address, lithe_plugin_event_method_event_client_address)

#define LOOKUP(name, function)                                    \
  lithe_text name(lithe_event *event, const char *key) {          \
    lithe_wit_string_t wanted = view_str(key), text;              \
    if (!function(borrow(event), &wanted, &text)) return none;    \
    return take(text.ptr, text.len);                              \
  }

LOOKUP(lithe_header, lithe_plugin_event_method_event_header)
LOOKUP(lithe_param, lithe_plugin_event_method_event_param)
LOOKUP(lithe_local, lithe_plugin_event_method_event_local)

lithe_text lithe_query(lithe_event *event) {
  lithe_wit_string_t text;
  if (!lithe_plugin_event_method_event_query(borrow(event), &text)) return none;
  return take(text.ptr, text.len);
}

lithe_text lithe_body(lithe_event *event) {
  lithe_wit_list_u8_t body;
  lithe_plugin_event_method_event_body(borrow(event), &body);
  return take(body.ptr, body.len);
}

void lithe_limit_body(lithe_event *event, size_t limit) { event->body_limit = limit; }

static lithe_outcome *check_size(const lithe_event *event, size_t size) {
  if (size <= event->body_limit) return NULL;
  char digits[24], *first = digits + sizeof digits - 1;
  *first = 0;
  size_t left = event->body_limit;
  do *--first = (char)('0' + left % 10);
  while (left /= 10);
  const char *parts[] = {"the body is larger than ", first,
                         " bytes: `lithe_limit_body` reads it with a higher limit", NULL};
  return lithe_failure(413, kept_joined(parts));
}

/* Makes a kept list of names and values that the host gave. */
static const lithe_field *take_fields(lithe_wit_tuple2_string_string_t *fields, size_t count) {
  lithe_field *made = allocate(count * sizeof *made);
  keep(made, NULL);
  for (size_t i = 0; i < count; i++) {
    made[i].name = take(fields[i].f0.ptr, fields[i].f0.len);
    made[i].value = take(fields[i].f1.ptr, fields[i].f1.len);
  }
  if (count) free(fields);
  return made;
}

size_t lithe_headers(lithe_event *event, const lithe_field **headers) {
  lithe_plugin_event_fields_t fields;
  lithe_plugin_event_method_event_headers(borrow(event), &fields);
  *headers = take_fields(fields.ptr, fields.len);
  return fields.len;
}

size_t lithe_params(lithe_event *event, const lithe_field **params) {
  lithe_wit_list_tuple2_string_string_t fields;
  lithe_plugin_event_method_event_params(borrow(event), &fields);
  *params = take_fields(fields.ptr, fields.len);
  return fields.len;
}

void lithe_set_local(lithe_event *event, const char *key, lithe_text value) {
  lithe_wit_string_t name = view_str(key), text = view(value);
  lithe_plugin_event_method_event_set_local(borrow(event), &name, &text);
}

bool lithe_is_upgrade_request(lithe_event *event) {
  return lithe_plugin_ws_is_upgrade_request(borrow(event));
}

bool lithe_can_upgrade(void) { return lithe_plugin_ws_is_supported(); }

size_t lithe_offered_protocols(lithe_event *event, const lithe_text **protocols) {
  lithe_wit_list_string_t offered;
  lithe_plugin_ws_requested_protocols(borrow(event), &offered);
  *protocols = take_list(offered);
  return offered.len;
}

bool lithe_offers_protocol(lithe_event *event, const char *protocol) {
  const lithe_text *offered;
  size_t count = lithe_offered_protocols(event, &offered);
  for (size_t i = 0; i < count; i++) {
    if (lithe_is(offered[i], protocol)) return true;
  }
  return false;
}

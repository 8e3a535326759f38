/* The request. */

#include "lithe_internal.h"

static void drop_event(void *memory) {
  lithe_event *event = memory;
  lithe_plugin_event_event_drop_own(event->handle);
}

static lithe_event *keep_event(lithe_plugin_event_own_event_t handle) {
  lithe_event *event = allocate(sizeof *event);
  event->handle = handle;
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

void lithe_set_local(lithe_event *event, const char *key, lithe_text value) {
  lithe_wit_string_t name = view_str(key), text = view(value);
  lithe_plugin_event_method_event_set_local(borrow(event), &name, &text);
}

bool lithe_is_upgrade_request(lithe_event *event) {
  return lithe_plugin_ws_is_upgrade_request(borrow(event));
}

bool lithe_offers_protocol(lithe_event *event, const char *protocol) {
  lithe_wit_list_string_t offered;
  lithe_plugin_ws_requested_protocols(borrow(event), &offered);
  bool found = false;
  for (size_t i = 0; i < offered.len && !found; i++) {
    found = lithe_is((lithe_text){(char *)offered.ptr[i].ptr, offered.ptr[i].len}, protocol);
  }
  lithe_wit_list_string_free(&offered);
  return found;
}

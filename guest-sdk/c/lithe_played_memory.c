/* Texts that go from the played host to the component and back, and what the bindings free. */

#include "lithe_played.h"

/* A list of all that lasts: so no tool that looks for lost memory finds any of the host's. */
typedef struct lasting_memory {
  struct lasting_memory *before;
  _Alignas(max_align_t) char memory[];
} lasting_memory;

static lasting_memory *all_lasting;

static void *allocate_lasting(size_t size) {
  lasting_memory *made = allocate(sizeof *made + size);
  made->before = all_lasting;
  all_lasting = made;
  return made->memory;
}

static lithe_text lasting(lithe_text text) {
  if (!text.data) return none;
  char *copy = allocate_lasting(text.size + 1);
  if (text.size) memcpy(copy, text.data, text.size);
  copy[text.size] = 0;
  return (lithe_text){copy, text.size};
}

static lithe_wit_string_t given(lithe_text text) {
  return (lithe_wit_string_t){copied(text), text.size};
}

static lithe_wit_list_u8_t given_bytes(lithe_text text) {
  return (lithe_wit_list_u8_t){copied(text), text.size};
}

static lithe_text heard(const lithe_wit_string_t *text) {
  for (lithe_text rest = text_of(*text); rest.size;) {
    size_t size = character(rest);
    if (!size) trap("the component gives a text that is not UTF-8");
    rest = behind(rest, size);
  }
  return text_of(*text);
}

static lithe_text heard_bytes(const lithe_wit_list_u8_t *bytes) {
  return (lithe_text){(const char *)bytes->ptr, bytes->len};
}

static void add_field(fields_list *list, lithe_text name, lithe_text value) {
  /* Full at each power of two. */
  if (!(list->count & (list->count - 1))) {
    lithe_field *larger = allocate_lasting((list->count ? 2 * list->count : 1) * sizeof *larger);
    if (list->count) memcpy(larger, list->items, list->count * sizeof *larger);
    list->items = larger;
  }
  list->items[list->count++] = (lithe_field){lasting(name), lasting(value)};
}

static lithe_text find_field(const fields_list *list, lithe_text name) {
  for (size_t i = 0; i < list->count; i++) {
    if (equals_in_any_case(list->items[i].name, name)) return list->items[i].value;
  }
  return none;
}

static lithe_plugin_http_fields_t given_fields(const fields_list *list) {
  lithe_plugin_http_fields_t made = {allocate(list->count * sizeof *made.ptr), list->count};
  for (size_t i = 0; i < list->count; i++) {
    made.ptr[i].f0 = given(list->items[i].name);
    made.ptr[i].f1 = given(list->items[i].value);
  }
  if (!list->count) free(made.ptr);
  return made;
}

static fields_list heard_fields(const lithe_plugin_http_fields_t *fields) {
  fields_list made = {NULL, 0};
  for (size_t i = 0; i < fields->len; i++) {
    add_field(&made, heard(&fields->ptr[i].f0), heard(&fields->ptr[i].f1));
  }
  return made;
}

/* ---- What the bindings free ------------------------------------------------------------------ */

void lithe_wit_string_free(lithe_wit_string_t *text) {
  if (text->len) free(text->ptr);
}

static void free_fields(lithe_plugin_http_fields_t *fields) {
  for (size_t i = 0; i < fields->len; i++) {
    lithe_wit_string_free(&fields->ptr[i].f0);
    lithe_wit_string_free(&fields->ptr[i].f1);
  }
  if (fields->len) free(fields->ptr);
}

void lithe_plugin_http_response_free(lithe_plugin_http_response_t *response) {
  free_fields(&response->headers);
  /* Text and bytes lie in the same place. */
  if (response->body.tag != LITHE_PLUGIN_HTTP_BODY_EMPTY) {
    lithe_wit_string_free(&response->body.val.text);
  }
}

void lithe_plugin_http_http_error_free(lithe_plugin_http_http_error_t *error) {
  free_fields(&error->headers);
  lithe_wit_string_free(&error->message);
}

void lithe_plugin_ws_accepted_free(lithe_plugin_ws_accepted_t *accepted) {
  free_fields(&accepted->headers);
}

void lithe_plugin_streams_started_free(lithe_plugin_streams_started_t *started) {
  free_fields(&started->headers);
}

#ifdef LITHE_KIND_HOOKS
void exports_lithe_plugin_hooks_list_message_free(
    exports_lithe_plugin_hooks_list_message_t *messages) {
  for (size_t i = 0; i < messages->len; i++) lithe_wit_string_free(&messages->ptr[i].val.text);
  if (messages->len) free(messages->ptr);
}

void exports_lithe_plugin_hooks_close_info_free(exports_lithe_plugin_hooks_close_info_t *info) {
  lithe_wit_string_free(&info->reason);
}
#endif

#ifdef LITHE_KIND_SESSION
void lithe_plugin_receiver_received_free(lithe_plugin_receiver_received_t *received) {
  if (received->tag == LITHE_PLUGIN_RECEIVER_RECEIVED_MESSAGE) {
    lithe_wit_string_free(&received->val.message.val.text);
  } else if (received->tag == LITHE_PLUGIN_RECEIVER_RECEIVED_CLOSED) {
    lithe_wit_string_free(&received->val.closed.reason);
  }
}
#endif

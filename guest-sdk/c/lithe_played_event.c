/* The requests of tests, and what a component asks about them. */

#include "lithe_played.h"

static lithe_request **all_requests;
static size_t request_count;

static lithe_request *request_of(int32_t handle) {
  if (handle < 1 || (size_t)handle > request_count) trap("the component asks about no request");
  return all_requests[handle - 1];
}

lithe_request *lithe_new_request(const char *method, const char *uri) {
  lithe_request *request = allocate_lasting(sizeof *request);
  lithe_text path, query;
  split(lithe_str(uri), '?', &path, &query);
  lithe_text decoded = lasting(percent_decoded(path, false));
  *request = (lithe_request){
      .method = lasting(lithe_str(method)),
      .uri = lasting(lithe_str(uri)),
      .path = decoded,
      .route = decoded,
  };
  add_field(&request->headers, lithe_str("host"), lithe_str("localhost"));
  all_requests = grown(all_requests, request_count, sizeof *all_requests);
  all_requests[request_count++] = request;
  request->handle = (int32_t)request_count;
  return request;
}

void lithe_request_header(lithe_request *request, const char *name, const char *value) {
  lithe_text field = lasting(lithe_str(name));
  for (size_t i = 0; i < field.size; i++) ((char *)field.data)[i] = (char)lower(field.data[i]);
  fields_list headers = {NULL, 0};
  for (size_t i = 0; i < request->headers.count; i++) {
    lithe_field other = request->headers.items[i];
    if (!equals(other.name, field)) add_field(&headers, other.name, other.value);
  }
  add_field(&headers, field, lithe_str(value));
  request->headers = headers;
}

void lithe_request_body(lithe_request *request, lithe_text body) { request->body = lasting(body); }

void lithe_request_param(lithe_request *request, const char *name, const char *value) {
  add_field(&request->params, lithe_str(name), lithe_str(value));
}

static void set_local(lithe_request *request, lithe_text key, lithe_text value) {
  for (size_t i = 0; i < request->locals.count; i++) {
    if (!equals(request->locals.items[i].name, key)) continue;
    request->locals.items[i].value = lasting(value);
    return;
  }
  add_field(&request->locals, key, value);
}

void lithe_request_local(lithe_request *request, const char *key, const char *value) {
  set_local(request, lithe_str(key), lithe_str(value));
}

void lithe_request_upgrade(lithe_request *request, const char *protocols) {
  lithe_request_header(request, "connection", "Upgrade");
  lithe_request_header(request, "upgrade", "websocket");
  lithe_request_header(request, "sec-websocket-version", "13");
  lithe_request_header(request, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  if (protocols) lithe_request_header(request, "sec-websocket-protocol", protocols);
}

/* ---- What a component asks ------------------------------------------------------------------- */

lithe_plugin_event_borrow_event_t lithe_plugin_event_borrow_event(
    lithe_plugin_event_own_event_t event) {
  return (lithe_plugin_event_borrow_event_t){event.__handle};
}

void lithe_plugin_event_event_drop_own(lithe_plugin_event_own_event_t event) { (void)event; }

#define ANSWER(name, text)                                                                \
  void lithe_plugin_event_method_event_##name(lithe_plugin_event_borrow_event_t self,     \
                                              lithe_wit_string_t *ret) {                  \
    lithe_request *request = request_of(self.__handle);                                   \
    (void)request;                                                                        \
    *ret = given(text);                                                                   \
  }

ANSWER(id, lithe_format("test-%d", (int)request->handle))
ANSWER(method, request->method)
ANSWER(uri, request->uri)
ANSWER(path, request->path)
ANSWER(scheme, lithe_str("http"))
ANSWER(authority, find_field(&request->headers, lithe_str("host")))
ANSWER(route, request->route)
ANSWER(client_address, lithe_str("127.0.0.1:50000"))

bool lithe_plugin_event_method_event_query(lithe_plugin_event_borrow_event_t self,
                                           lithe_wit_string_t *ret) {
  lithe_text path, query;
  bool has_query = split(request_of(self.__handle)->uri, '?', &path, &query);
  if (has_query) *ret = given(query);
  return has_query;
}

void lithe_plugin_event_method_event_body(lithe_plugin_event_borrow_event_t self,
                                          lithe_wit_list_u8_t *ret) {
  *ret = given_bytes(request_of(self.__handle)->body);
}

#define FIND(function, list)                                                              \
  bool lithe_plugin_event_method_event_##function(lithe_plugin_event_borrow_event_t self, \
                                                  lithe_wit_string_t *name,               \
                                                  lithe_wit_string_t *ret) {              \
    lithe_text found = find_field(&request_of(self.__handle)->list, heard(name));         \
    if (found.data) *ret = given(found);                                                  \
    return found.data != NULL;                                                            \
  }

FIND(header, headers)
FIND(param, params)
FIND(local, locals)

void lithe_plugin_event_method_event_headers(lithe_plugin_event_borrow_event_t self,
                                             lithe_plugin_event_fields_t *ret) {
  *ret = given_fields(&request_of(self.__handle)->headers);
}

void lithe_plugin_event_method_event_params(lithe_plugin_event_borrow_event_t self,
                                            lithe_wit_list_tuple2_string_string_t *ret) {
  lithe_plugin_http_fields_t params = given_fields(&request_of(self.__handle)->params);
  *ret = (lithe_wit_list_tuple2_string_string_t){params.ptr, params.len};
}

void lithe_plugin_event_method_event_set_local(lithe_plugin_event_borrow_event_t self,
                                               lithe_wit_string_t *key,
                                               lithe_wit_string_t *value) {
  set_local(request_of(self.__handle), heard(key), heard(value));
}

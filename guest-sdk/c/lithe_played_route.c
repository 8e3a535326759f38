/* Finds the route of a test's request as the host does, except for regular expressions: they fit
 * any text. */

#include "lithe_played.h"

#ifndef LITHE_HAS_ROUTES
static int find_app_route(lithe_request *request, lithe_text *allowed) {
  (void)request, (void)allowed;
  return 200;
}
#else

#define MAX_SEGMENTS 256

typedef struct segments {
  lithe_text items[MAX_SEGMENTS];
  size_t count;
} segments;

/* How many segments of a path a segment of a pattern takes. */
typedef struct span {
  bool may_be_none;
  bool may_be_many;
} span;

/* Takes the name of a parameter and its regular expression, behind the `:`. */
static lithe_text take_name(lithe_text *rest) {
  lithe_text name = {rest->data, 0};
  while (name.size < rest->size && is_word_byte((unsigned char)rest->data[name.size])) name.size++;
  size_t regex = name.size < rest->size && rest->data[name.size] == '('
                     ? regex_size(rest->data + name.size)
                     : 0;
  *rest = behind(*rest, name.size + regex);
  return name;
}

/* The span of a segment of a pattern, and the segment without its modifier. */
static span span_of(lithe_text *segment) {
  if (lithe_begins_with(*segment, "**")) {
    bool is_named = segment->size > 2;
    *segment = behind(*segment, is_named ? 2 : 1);
    return (span){!is_named, true};
  }
  if (!lithe_begins_with(*segment, ":")) return (span){false, false};
  lithe_text rest = behind(*segment, 1);
  take_name(&rest);
  /* A modifier of a whole segment, not of a parameter inside of one. */
  if (rest.size != 1 || !strchr("?+*", rest.data[0])) return (span){false, false};
  segment->size--;
  return (span){rest.data[0] != '+', rest.data[0] != '?'};
}

static bool is_capture(char byte) { return byte == ':' || byte == '*'; }

/* Whether a part of a path fits a segment of a pattern. What stands earlier takes as much as it
 * can. */
static bool fits(lithe_text segment, lithe_text text, fields_list *params) {
  if (!segment.size) return !text.size;
  if (!is_capture(segment.data[0])) {
    if (!text.size || text.data[0] != segment.data[0]) return false;
    return fits(behind(segment, 1), behind(text, 1), params);
  }
  lithe_text rest = behind(segment, 1);
  lithe_text name = segment.data[0] == ':' ? take_name(&rest) : none;
  size_t before = params->count;
  for (size_t size = text.size; size; size--) {
    if (name.data) add_field(params, name, (lithe_text){text.data, size});
    if (fits(rest, behind(text, size), params)) return true;
    params->count = before;
  }
  return false;
}

/* Splits at each `/` outside of regular expressions. */
static void split_pattern(const char *pattern, segments *found) {
  found->count = 0;
  for (const char *at = pattern; *at == '/' && at[1];) {
    const char *start = ++at;
    while (*at && *at != '/') at += *at == '(' ? regex_size(at) : 1;
    if (found->count == MAX_SEGMENTS) trap("a pattern has more than 256 segments");
    found->items[found->count++] = (lithe_text){start, (size_t)(at - start)};
  }
}

/* Splits a path: empty segments, `.` and `..` are folded. */
static void split_path(lithe_text path, segments *found) {
  found->count = 0;
  lithe_text item;
  while (path.size) {
    split(path, '/', &item, &path);
    if (lithe_is(item, "..")) {
      found->count -= found->count > 0;
    } else if (item.size && !lithe_is(item, ".")) {
      if (found->count == MAX_SEGMENTS) trap("a path has more than 256 segments");
      found->items[found->count++] = item;
    }
  }
}

/* So many segments of a path as one text. */
static lithe_text joined_segments(const lithe_text *items, size_t count) {
  lithe_text last = items[count - 1];
  return (lithe_text){items[0].data, (size_t)(last.data + last.size - items[0].data)};
}

static bool fits_all(const segments *pattern, size_t at, const segments *path, size_t from,
                     fields_list *params) {
  if (at == pattern->count) return from == path->count;
  lithe_text segment = pattern->items[at];
  span span = span_of(&segment);
  size_t left = path->count - from, most = span.may_be_many || left < 1 ? left : 1;
  size_t before = params->count;
  for (size_t count = most;; count--) {
    if (!count && !span.may_be_none) return false;
    bool is_fit = !count || fits(segment, joined_segments(&path->items[from], count), params);
    if (is_fit && fits_all(pattern, at + 1, path, from + count, params)) return true;
    params->count = before;
    if (!count) return false;
  }
}

/* Static, then a regular expression or a part of a segment, then a parameter, then many
 * segments. */
static int rank_of(lithe_text segment) {
  span span = span_of(&segment);
  if (span.may_be_many) return 4;
  lithe_text rest = behind(segment, 1);
  if (segment.data[0] == ':') {
    lithe_text name = take_name(&rest);
    bool has_regex = rest.data > name.data + name.size;
    return rest.size || has_regex ? 1 : 2 + span.may_be_none;
  }
  if (segment.data[0] == '*' && !rest.size) return 2;
  for (size_t i = 0; i < segment.size; i++) {
    if (is_capture(segment.data[i])) return 1;
  }
  return 0;
}

/* Whether the first pattern is more specific. */
static bool is_before(const segments *a, const segments *b) {
  for (size_t i = 0; i < a->count && i < b->count; i++) {
    int difference = rank_of(a->items[i]) - rank_of(b->items[i]);
    if (difference) return difference < 0;
  }
  return a->count < b->count;
}

static bool takes(lithe_wit_string_t *method, bool has_method, lithe_text asked) {
  if (!has_method) return true;
  lithe_text text = text_of(*method);
  return equals(text, asked) || (lithe_is(asked, "HEAD") && lithe_is(text, "GET"));
}

static int find_app_route(lithe_request *request, lithe_text *allowed) {
  exports_lithe_plugin_routes_list_route_t all;
  exports_lithe_plugin_routes_all(&all);
  static segments path, pattern, best;
  split_path(request->path, &path);
  lithe_text methods = lithe_str("");
  bool is_found = false, found_method = false;
  for (size_t i = 0; i < all.len; i++) {
    exports_lithe_plugin_routes_route_t *route = &all.ptr[i];
    lithe_text text = lasting(text_of(route->pattern));
    fields_list params = {NULL, 0};
    split_pattern(text.data, &pattern);
    if (!fits_all(&pattern, 0, &path, 0, &params)) continue;
    lithe_text method = route->method.is_some ? text_of(route->method.val) : none;
    if (!takes(&route->method.val, route->method.is_some, request->method)) {
      methods = lithe_format("%s%s%.*s", methods.data, methods.size ? ", " : "", (int)method.size,
                             method.data);
      continue;
    }
    bool is_better = !is_found || is_before(&pattern, &best) ||
                     (!is_before(&best, &pattern) && method.data && !found_method);
    if (!is_better) continue;
    is_found = true;
    found_method = method.data != NULL;
    best = pattern;
    request->route = text;
    request->params = params;
  }
  for (size_t i = 0; i < all.len; i++) {
    lithe_wit_string_free(&all.ptr[i].method.val);
    lithe_wit_string_free(&all.ptr[i].pattern);
  }
  free(all.ptr);
  *allowed = methods;
  return is_found ? 200 : methods.size ? 405 : 404;
}
#endif

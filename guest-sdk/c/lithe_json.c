/* Reading JSON (RFC 8259). A value is a part of the text that it stands in, which is checked as a
 * whole first: the functions behind `lithe_json_read` rely on that. */

#include "lithe_internal.h"

/* Arrays and objects in one another. */
#define MAX_DEPTH 128

/* An array or an object: its first byte, and what stands behind its last one. */
typedef struct part {
  const char *start;
  const char *end;
} part;

/* All arrays and objects of a text, in the order of their starts. So a value that is not looked into
 * is skipped at once, and a walk through all levels reads the text once. */
typedef struct lithe_json_parts {
  part *items;
  size_t count;
} json_parts;

/* The text that is read. */
typedef struct reader {
  const char *at;
  const char *end;
  bool is_too_deep;
} reader;

static reader reader_of(lithe_text text) {
  return (reader){text.data, text.data ? text.data + text.size : NULL, false};
}

/* Zero at the end, which no value begins with. */
static char ahead(const reader *reader) { return reader->at < reader->end ? *reader->at : 0; }

static void skip_space(reader *reader) {
  while (reader->at < reader->end && strchr(" \t\n\r", *reader->at) && *reader->at) reader->at++;
}

/* Takes a byte, and the space around it. */
static bool skip(reader *reader, char byte) {
  skip_space(reader);
  if (ahead(reader) != byte) return false;
  reader->at++;
  skip_space(reader);
  return true;
}

static bool skip_word(reader *reader, const char *word) {
  size_t size = strlen(word);
  if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size)) return false;
  reader->at += size;
  return true;
}

static bool skip_digits(reader *reader) {
  const char *start = reader->at;
  while (ahead(reader) >= '0' && ahead(reader) <= '9') reader->at++;
  return reader->at > start;
}

static bool skip_number(reader *reader) {
  if (ahead(reader) == '-') reader->at++;
  if (ahead(reader) == '0') {
    reader->at++;
  } else if (!skip_digits(reader)) {
    return false;
  }
  if (ahead(reader) == '.') {
    reader->at++;
    if (!skip_digits(reader)) return false;
  }
  if (ahead(reader) == 'e' || ahead(reader) == 'E') {
    reader->at++;
    if (ahead(reader) == '+' || ahead(reader) == '-') reader->at++;
    if (!skip_digits(reader)) return false;
  }
  return true;
}

/* Four hexadecimal digits, or -1. */
static int32_t take_unit(reader *reader) {
  if (reader->end - reader->at < 4) return -1;
  int32_t unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(reader->at[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  reader->at += 4;
  return unit;
}

/* The character of an escape, behind its backslash; -1 if it is none. */
static int32_t take_escape(reader *reader) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char name = ahead(reader);
  if (!name) return -1;
  reader->at++;
  const char *found = strchr(names, name);
  if (found) return values[found - names];
  if (name != 'u') return -1;
  int32_t unit = take_unit(reader);
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  /* The first of a pair, with the second one behind it. */
  if (unit > 0xDBFF || !skip_word(reader, "\\u")) return -1;
  int32_t second = take_unit(reader);
  if (second < 0xDC00 || second > 0xDFFF) return -1;
  return 0x10000 + (unit - 0xD800) * 0x400 + (second - 0xDC00);
}

/* Takes a string with its quotes. */
static bool skip_string(reader *reader) {
  if (!skip_word(reader, "\"")) return false;
  while (reader->at < reader->end) {
    char byte = *reader->at;
    if (byte == '"') return reader->at++, true;
    if (byte == '\\') {
      reader->at++;
      if (take_escape(reader) < 0) return false;
      continue;
    }
    size_t size = character((lithe_text){reader->at, (size_t)(reader->end - reader->at)});
    if (!size || (unsigned char)byte < 0x20) return false;
    reader->at += size;
  }
  return false;
}

/* Takes a value that is neither an array nor an object. */
static bool skip_scalar(reader *reader) {
  switch (ahead(reader)) {
    case '"': return skip_string(reader);
    case 't': return skip_word(reader, "true");
    case 'f': return skip_word(reader, "false");
    case 'n': return skip_word(reader, "null");
    default: return skip_number(reader);
  }
}

static bool check_value(reader *reader, json_parts *parts, int depth);

/* Takes what stands between two brackets, and the second one. */
static bool check_items(reader *reader, json_parts *parts, char end, int depth) {
  reader->at++;
  skip_space(reader);
  if (ahead(reader) != end) {
    do {
      bool is_named = end != '}' || (skip_string(reader) && skip(reader, ':'));
      if (!is_named || !check_value(reader, parts, depth + 1)) return false;
    } while (skip(reader, ','));
  }
  if (ahead(reader) != end) return false;
  reader->at++;
  return true;
}

/* Takes a value of a text that nobody has checked, and remembers the arrays and objects in it. */
static bool check_value(reader *reader, json_parts *parts, int depth) {
  if (depth > MAX_DEPTH) {
    reader->is_too_deep = true;
    return false;
  }
  char first = ahead(reader);
  if (first != '{' && first != '[') return skip_scalar(reader);
  size_t own = parts->count;
  parts->items = grown(parts->items, own, sizeof *parts->items);
  parts->items[own].start = reader->at;
  parts->count++;
  if (!check_items(reader, parts, first == '{' ? '}' : ']', depth)) return false;
  parts->items[own].end = reader->at;
  return true;
}

static lithe_json_type type_of(char first) {
  switch (first) {
    case '{': return LITHE_JSON_OBJECT;
    case '[': return LITHE_JSON_ARRAY;
    case '"': return LITHE_JSON_STRING;
    case 't':
    case 'f': return LITHE_JSON_BOOL;
    case 'n': return LITHE_JSON_NULL;
    default: return LITHE_JSON_NUMBER;
  }
}

static const lithe_json absent = {LITHE_JSON_ABSENT, {NULL, 0}, NULL};

/* The value from a place to where the reader is. */
static lithe_json value_from(const char *start, const reader *reader, const json_parts *parts) {
  return (lithe_json){type_of(*start), {start, (size_t)(reader->at - start)}, parts};
}

static void drop_parts(void *memory) { free(((json_parts *)memory)->items); }

/* Reads a whole text. If it is not JSON, the reader stands where that shows. */
static lithe_json read_whole(reader *reader) {
  json_parts *parts = allocate(sizeof *parts);
  *parts = (json_parts){NULL, 0};
  keep(parts, drop_parts);
  skip_space(reader);
  const char *start = reader->at;
  if (!check_value(reader, parts, 1)) return absent;
  lithe_json value = value_from(start, reader, parts);
  skip_space(reader);
  return reader->at == reader->end ? value : absent;
}

lithe_json lithe_json_read(lithe_text text) {
  reader reader = reader_of(text);
  return read_whole(&reader);
}

/* Why a text is not JSON. */
static lithe_outcome *not_json(lithe_text text, const reader *reader) {
  if (reader->is_too_deep) {
    return lithe_failure(400, lithe_format("the body is not JSON: more than %d levels of arrays and objects",
                                           MAX_DEPTH).data);
  }
  if (reader->at == reader->end) return lithe_failure(400, "the body is not JSON: it ends too early");
  size_t line = 1, column = 1;
  for (const char *at = text.data; at < reader->at; at++) {
    column = *at == '\n' ? 1 : column + 1;
    line += *at == '\n';
  }
  return lithe_failure(
      400, lithe_format("the body is not JSON: wrong at line %zu, column %zu", line, column).data);
}

lithe_outcome *lithe_json_body(lithe_event *event, lithe_json *value) {
  lithe_text body = lithe_body(event);
  lithe_outcome *refused = check_size(event, body.size);
  if (refused) return refused;
  reader reader = reader_of(body);
  lithe_json read = read_whole(&reader);
  if (read.type == LITHE_JSON_ABSENT) return not_json(body, &reader);
  *value = read;
  return NULL;
}

/* Where an array or an object of a checked text ends. */
static const char *end_of(const json_parts *parts, const char *start) {
  size_t low = 0, high = parts->count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (parts->items[middle].start <= start) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return parts->items[low].end;
}

/* Takes a value of a text that has been checked. It is absent behind the last one. */
static lithe_json take_value(reader *reader, const json_parts *parts) {
  const char *start = reader->at;
  char first = ahead(reader);
  if (first == '{' || first == '[') {
    reader->at = end_of(parts, start);
  } else if (!skip_scalar(reader)) {
    return absent;
  }
  return value_from(start, reader, parts);
}

/* The next item of an array, or the next field of an object with its name, which is a string. */
static bool next_value(lithe_json all, size_t *at, lithe_json *name, lithe_json *value) {
  reader reader = reader_of(all.text);
  if (*at >= all.text.size) return false;
  reader.at += *at ? *at : 1;
  skip(&reader, ',');
  if (name) {
    *name = take_value(&reader, all.parts);
    if (name->type != LITHE_JSON_STRING || !skip(&reader, ':')) return false;
  }
  *value = take_value(&reader, all.parts);
  *at = (size_t)(reader.at - all.text.data);
  return value->type != LITHE_JSON_ABSENT;
}

bool lithe_json_next_field(lithe_json object, size_t *at, lithe_text *name, lithe_json *value) {
  lithe_json string;
  return object.type == LITHE_JSON_OBJECT && next_value(object, at, &string, value) &&
         lithe_json_string(string, name);
}

bool lithe_json_next_item(lithe_json array, size_t *at, lithe_json *item) {
  return array.type == LITHE_JSON_ARRAY && next_value(array, at, NULL, item);
}

/* Writes a character as UTF-8, and answers where it ends. */
static char *put_character(char *end, int32_t character) {
  if (character < 0x80) {
    *end++ = (char)character;
    return end;
  }
  int rest = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  static const int first[] = {0, 0xC0, 0xE0, 0xF0};
  *end++ = (char)(first[rest] | character >> 6 * rest);
  while (rest--) *end++ = (char)(0x80 | (character >> 6 * rest & 0x3F));
  return end;
}

/* What stands between the quotes of a string. */
static reader inside(lithe_json string) {
  return reader_of((lithe_text){string.text.data + 1, string.text.size - 2});
}

/* Writes the next byte of a string, or the character of an escape, and answers where that ends. */
static char *put_next(char *end, reader *reader) {
  if (*reader->at != '\\') {
    *end++ = *reader->at++;
    return end;
  }
  reader->at++;
  return put_character(end, take_escape(reader));
}

bool lithe_json_string(lithe_json value, lithe_text *string) {
  if (value.type != LITHE_JSON_STRING) return false;
  reader reader = inside(value);
  /* An escape is never shorter than its character. */
  char *made = blank(value.text.size), *end = made;
  while (reader.at < reader.end) end = put_next(end, &reader);
  *end = 0;
  *string = (lithe_text){made, (size_t)(end - made)};
  return true;
}

/* Whether a string is a text. It keeps nothing: a client may send many names. */
static bool is_string(lithe_json string, const char *expected) {
  size_t left = strlen(expected);
  for (reader reader = inside(string); reader.at < reader.end;) {
    char made[4];
    size_t size = (size_t)(put_next(made, &reader) - made);
    if (left < size || memcmp(made, expected, size)) return false;
    expected += size;
    left -= size;
  }
  return !left;
}

lithe_json lithe_json_field(lithe_json object, const char *name) {
  lithe_json found = absent, string, value;
  if (object.type != LITHE_JSON_OBJECT) return found;
  for (size_t at = 0; next_value(object, &at, &string, &value);) {
    if (is_string(string, name)) found = value;
  }
  return found;
}

bool lithe_json_integer(lithe_json value, int64_t *integer) {
  return value.type == LITHE_JSON_NUMBER && lithe_to_integer(value.text, integer);
}

bool lithe_json_number(lithe_json value, double *number) {
  if (value.type != LITHE_JSON_NUMBER) return false;
  double read = strtod(kept_copy(value.text).data, NULL);
  if (!__builtin_isfinite(read)) return false;
  *number = read;
  return true;
}

bool lithe_json_bool(lithe_json value, bool *is_true) {
  if (value.type != LITHE_JSON_BOOL) return false;
  *is_true = value.text.data[0] == 't';
  return true;
}

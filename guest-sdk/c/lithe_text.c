/* Texts: comparing, splitting, decoding and formatting. */

#include "lithe_internal.h"

static bool equals(lithe_text a, lithe_text b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static unsigned char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : (unsigned char)byte;
}

static bool equals_in_any_case(lithe_text a, lithe_text b) {
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; i++) {
    if (lower(a.data[i]) != lower(b.data[i])) return false;
  }
  return true;
}

static lithe_text behind(lithe_text text, size_t size) {
  return (lithe_text){text.data + size, text.size - size};
}

static bool split(lithe_text text, char at, lithe_text *head, lithe_text *tail) {
  const char *found = text.size ? memchr(text.data, at, text.size) : NULL;
  if (!found) {
    *head = text;
    *tail = none;
    return false;
  }
  size_t size = (size_t)(found - text.data);
  *tail = behind(text, size + 1);
  *head = (lithe_text){text.data, size};
  return true;
}

static bool is_space(char byte) { return byte == ' ' || byte == '\t'; }

static lithe_text trimmed(lithe_text text) {
  while (text.size && is_space(text.data[0])) text = behind(text, 1);
  while (text.size && is_space(text.data[text.size - 1])) text.size--;
  return text;
}

static size_t character(lithe_text text) {
  const unsigned char *at = (const unsigned char *)text.data;
  if (!text.size) return 0;
  if (at[0] < 0x80) return 1;
  size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
  if (at[0] < 0xC2 || at[0] > 0xF4 || text.size < size) return 0;
  for (size_t i = 1; i < size; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  /* Longer than needed, a surrogate, or behind the last character. */
  if (at[0] == 0xE0 && at[1] < 0xA0) return 0;
  if (at[0] == 0xED && at[1] > 0x9F) return 0;
  if (at[0] == 0xF0 && at[1] < 0x90) return 0;
  if (at[0] == 0xF4 && at[1] > 0x8F) return 0;
  return size;
}

static lithe_text as_utf8(lithe_text text) {
  static const char replacement[] = "\xEF\xBF\xBD";
  lithe_text rest = text;
  for (size_t size; (size = character(rest));) rest = behind(rest, size);
  if (!rest.size) return text;
  char *made = blank(3 * text.size);
  size_t size = 0;
  while (text.size) {
    size_t whole = character(text), taken = whole ? whole : 1;
    memcpy(made + size, whole ? text.data : replacement, whole ? whole : 3);
    size += whole ? whole : 3;
    text = behind(text, taken);
  }
  made[size] = 0;
  return (lithe_text){made, size};
}

/* -1 if it is not a digit. */
static int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  int letter = lower(byte);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Takes the first byte of a text that is not empty: `%41` is an `A`, and a `+` a space if it is of
 * a form. */
static char take_decoded(lithe_text *text, bool is_form) {
  char byte = text->data[0];
  int high = byte == '%' && text->size > 2 ? hex_digit(text->data[1]) : -1;
  int low = high >= 0 ? hex_digit(text->data[2]) : -1;
  *text = behind(*text, low >= 0 ? 3 : 1);
  if (low >= 0) return (char)(high * 16 + low);
  return is_form && byte == '+' ? ' ' : byte;
}

static lithe_text percent_decoded(lithe_text text, bool is_form) {
  char *bytes = blank(text.size);
  size_t size = 0;
  while (text.size) bytes[size++] = take_decoded(&text, is_form);
  bytes[size] = 0;
  return as_utf8((lithe_text){bytes, size});
}

static const char *percent_encoded(const char *text, bool (*is_plain)(unsigned char byte)) {
  static const char digits[] = "0123456789ABCDEF";
  if (!text) text = "";
  char *made = blank(3 * strlen(text)), *end = made;
  for (; *text; text++) {
    unsigned char byte = (unsigned char)*text;
    if (is_plain(byte)) {
      *end++ = *text;
    } else {
      *end++ = '%';
      *end++ = digits[byte >> 4];
      *end++ = digits[byte & 15];
    }
  }
  *end = 0;
  return made;
}

static bool decodes_to(lithe_text text, const char *expected, bool is_form) {
  for (; text.size; expected++) {
    /* A zero byte that is decoded is not the end of what is expected. */
    if (!*expected || take_decoded(&text, is_form) != *expected) return false;
  }
  return !*expected;
}

static bool is_word_byte(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte == '_';
}

static bool is_token_byte(unsigned char byte) {
  return is_word_byte(byte) || (byte && strchr("!#$%&'*+-.^`|~", byte));
}

lithe_text lithe_copy(lithe_text text) { return kept_copy(text); }

lithe_text lithe_format(const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (size < 0) trap("`lithe_format` got what is not a format");
  char *made = blank((size_t)size);
  vsnprintf(made, (size_t)size + 1, format, again);
  va_end(again);
  return (lithe_text){made, (size_t)size};
}

static const char *kept_joined(const char *const *parts) {
  size_t size = 0;
  for (const char *const *part = parts; *part; part++) size += strlen(*part);
  char *made = blank(size), *end = made;
  for (; *parts; parts++) {
    size_t length = strlen(*parts);
    memcpy(end, *parts, length);
    end += length;
  }
  return made;
}

bool lithe_to_integer(lithe_text text, int64_t *value) {
  bool is_negative = text.size && text.data[0] == '-';
  if (is_negative || (text.size && text.data[0] == '+')) text = behind(text, 1);
  if (!text.size) return false;
  /* Counts down, for the least number has no positive one. */
  int64_t number = 0;
  for (size_t i = 0; i < text.size; i++) {
    int digit = text.data[i] - '0';
    if (digit < 0 || digit > 9) return false;
    if (__builtin_mul_overflow(number, 10, &number)) return false;
    if (__builtin_sub_overflow(number, digit, &number)) return false;
  }
  if (!is_negative && number == INT64_MIN) return false;
  *value = is_negative ? number : -number;
  return true;
}

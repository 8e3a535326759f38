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

static bool split(lithe_text text, char at, lithe_text *head, lithe_text *tail) {
  const char *found = text.size ? memchr(text.data, at, text.size) : NULL;
  if (!found) {
    *head = text;
    *tail = none;
    return false;
  }
  size_t size = (size_t)(found - text.data);
  *tail = (lithe_text){found + 1, text.size - size - 1};
  *head = (lithe_text){text.data, size};
  return true;
}

static bool is_space(char byte) { return byte == ' ' || byte == '\t'; }

static lithe_text trimmed(lithe_text text) {
  while (text.size && is_space(text.data[0])) text = (lithe_text){text.data + 1, text.size - 1};
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
  char *made = blank(3 * text.size);
  size_t size = 0;
  while (text.size) {
    size_t whole = character(text), taken = whole ? whole : 1;
    memcpy(made + size, whole ? text.data : replacement, whole ? whole : 3);
    size += whole ? whole : 3;
    text = (lithe_text){text.data + taken, text.size - taken};
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

static lithe_text percent_decoded(lithe_text text, bool is_form) {
  char *bytes = blank(text.size);
  size_t size = 0;
  for (size_t i = 0; i < text.size; i++) {
    char byte = text.data[i];
    int high = byte == '%' && i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
    if (low >= 0) {
      byte = (char)(high * 16 + low);
      i += 2;
    } else if (is_form && byte == '+') {
      byte = ' ';
    }
    bytes[size++] = byte;
  }
  return as_utf8((lithe_text){bytes, size});
}

static bool is_token_byte(unsigned char byte) {
  bool is_alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                         (byte >= 'a' && byte <= 'z');
  return is_alphanumeric || (byte && strchr("!#$%&'*+-.^_`|~", byte));
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

bool lithe_to_integer(lithe_text text, int64_t *value) {
  bool is_negative = text.size && text.data[0] == '-';
  if (is_negative || (text.size && text.data[0] == '+')) {
    text = (lithe_text){text.data + 1, text.size - 1};
  }
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

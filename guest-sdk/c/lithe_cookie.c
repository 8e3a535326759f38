/* Cookies that answers set (RFC 6265, 4.1). */

#include "lithe_internal.h"

static bool is_name_byte(unsigned char byte) { return is_token_byte(byte) && byte != '%'; }

static bool is_value_byte(unsigned char byte) {
  return byte > 0x20 && byte < 0x7F && !strchr("\",;\\%", byte);
}

static bool is_attribute_byte(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7F && byte != ';';
}

/* A kept text in which `%41` stands for an `A` that is not plain. */
static const char *encoded(const char *text, bool (*is_plain)(unsigned char byte)) {
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

static lithe_text with_attribute(lithe_text cookie, const char *name, const char *value) {
  if (!value) return cookie;
  return lithe_format("%s; %s=%s", cookie.data, name, encoded(value, is_attribute_byte));
}

void lithe_set_cookie(lithe_outcome *outcome, const lithe_new_cookie *cookie) {
  static const char *const same_site[] = {NULL, "Strict", "Lax", "None"};
  lithe_text made = lithe_format("%s=%s", encoded(cookie->name, is_name_byte),
                                 encoded(cookie->value, is_value_byte));
  made = with_attribute(made, "Path", cookie->path);
  made = with_attribute(made, "Domain", cookie->domain);
  if (cookie->max_age) {
    int64_t seconds = cookie->max_age > 0 ? cookie->max_age : 0;
    made = lithe_format("%s; Max-Age=%lld", made.data, (long long)seconds);
  }
  made = with_attribute(made, "SameSite", same_site[cookie->same_site]);
  if (cookie->secure) made = lithe_format("%s; Secure", made.data);
  if (cookie->http_only) made = lithe_format("%s; HttpOnly", made.data);
  lithe_add_header(outcome, "set-cookie", made.data);
}

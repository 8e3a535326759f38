/* Cookies that answers set (RFC 6265, 4.1). */

#include "lithe_internal.h"

static bool is_value_byte(unsigned char byte) {
  return byte > 0x20 && byte < 0x7F && !strchr("\",;\\%", byte);
}

static bool is_attribute_byte(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7F && byte != ';';
}

static lithe_text with_attribute(lithe_text cookie, const char *name, const char *value) {
  if (!value) return cookie;
  return lithe_format("%s; %s=%s", cookie.data, name, percent_encoded(value, is_attribute_byte));
}

void lithe_set_cookie(lithe_outcome *outcome, const lithe_new_cookie *cookie) {
  static const char *const same_site[] = {NULL, "Strict", "Lax", "None"};
  lithe_text made = lithe_format("%s=%s", percent_encoded(cookie->name, is_token_byte),
                                 percent_encoded(cookie->value, is_value_byte));
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

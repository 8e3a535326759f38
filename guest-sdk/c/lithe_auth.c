/* Middleware: who makes a request. */

#include "lithe_internal.h"

bool lithe_is_same_secret(lithe_text a, lithe_text b) {
  if (a.size != b.size) return false;
  /* Volatile, so that the compiler does not leave the loop early. */
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size; i++) difference |= (unsigned char)(a.data[i] ^ b.data[i]);
  return difference == 0;
}

/* What stands behind the scheme in `authorization`. */
static lithe_text credentials(lithe_event *event, const char *scheme) {
  lithe_text given, rest;
  if (!split(lithe_header(event, "authorization"), ' ', &given, &rest)) return none;
  return equals_in_any_case(given, lithe_str(scheme)) ? kept_copy(trimmed(rest)) : none;
}

static lithe_outcome *unauthorized(const char *challenge) {
  lithe_outcome *outcome = lithe_failure(401, "Unauthorized");
  lithe_add_header(outcome, "www-authenticate", challenge);
  return outcome;
}

lithe_text lithe_bearer_token(lithe_event *event) { return credentials(event, "bearer"); }

lithe_outcome *lithe_bearer_auth(lithe_event *event, const char *const *tokens) {
  lithe_text given = lithe_bearer_token(event);
  bool found = false;
  /* Compares with all of them, so that the time does not tell which one fits. */
  for (; *tokens; tokens++) found |= lithe_is_same_secret(lithe_str(*tokens), given);
  return found && given.size ? lithe_next(event) : unauthorized("Bearer");
}

/* The value of a digit in base64 (RFC 4648, 4), or -1. */
static int base64_digit(char byte) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *found = byte ? strchr(digits, byte) : NULL;
  return found ? (int)(found - digits) : -1;
}

/* What is encoded in base64. It is absent if it is malformed, or ends with bits that are not
 * zero. */
static lithe_text base64_decoded(lithe_text text) {
  if (text.size % 4) return none;
  size_t padding = 0;
  while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') padding++;
  char *made = blank(text.size / 4 * 3), *end = made;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size - padding; i++) {
    int digit = base64_digit(text.data[i]);
    if (digit < 0) return none;
    bits = bits << 6 | (uint32_t)digit;
    /* Each digit but the first of four completes a byte. */
    unsigned left = 6 - 2 * (i % 4);
    if (left == 6) continue;
    *end++ = (char)(bits >> left);
    bits &= (1u << left) - 1;
  }
  if (padding && bits) return none;
  *end = 0;
  return (lithe_text){made, (size_t)(end - made)};
}

/* The challenge of a realm, which has no quotes of its own. */
static const char *basic_challenge(const char *realm) {
  char *name = blank(strlen(realm));
  for (size_t i = 0; realm[i]; i++) name[i] = realm[i] == '"' || realm[i] == '\\' ? '\'' : realm[i];
  return lithe_format("Basic realm=\"%s\", charset=\"UTF-8\"", name).data;
}

lithe_outcome *lithe_basic_auth(lithe_event *event, const char *realm, const lithe_user *users) {
  lithe_text given = base64_decoded(credentials(event, "basic"));
  bool found = false;
  for (; users->name; users++) {
    /* One that is not there, such as a secret that the site does not grant, is nobody's. */
    if (!users->password || !*users->password) continue;
    lithe_text user = lithe_format("%s:%s", users->name, users->password);
    found |= lithe_is_same_secret(user, given);
  }
  if (!found || !given.size) return unauthorized(basic_challenge(realm));
  /* A name has no colon; a password may (RFC 7617, 2). */
  lithe_text name, password;
  split(given, ':', &name, &password);
  lithe_set_local(event, "user", name);
  return lithe_next(event);
}

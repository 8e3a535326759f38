/* Ready-made middleware. `lithe.h` includes this file.
 *
 * Each function runs the rest of the chain, or answers in its place. Call it in a middleware of an
 * app, or in the `lithe_on_request` of the kind `middleware`:
 *
 *     static lithe_outcome *only_for_staff(lithe_event *event) {
 *       static const char *const tokens[] = {"secret", NULL};
 *       return lithe_bearer_auth(event, tokens);
 *     }
 *
 * They add headers to every answer: also to an upgrade's 101, to a stream's head and to a failure.
 * A list ends with NULL. */
#ifndef LITHE_MIDDLEWARE_H
#define LITHE_MIDDLEWARE_H

#include "lithe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lets requests and upgrades pass that have one of these tokens (`authorization: Bearer TOKEN`,
 * RFC 6750). Others get 401. An empty token lets nobody pass. NULL ends the list: `getenv` returns it
 * for a secret that the site does not grant. */
lithe_outcome *lithe_bearer_auth(lithe_event *event, const char *const *tokens);
/* Returns the token of an `authorization: Bearer` header. Without one, `data` is NULL. */
lithe_text lithe_bearer_token(lithe_event *event);

typedef struct lithe_user {
  const char *name;
  const char *password;
} lithe_user;

/* Lets requests pass that have the name and the password of one of these users (`authorization:
 * Basic …`, RFC 7617), and leaves the name as the local `user`. Others get 401, for which a browser
 * asks its user for name and password, and shows the realm. The last user's name is NULL. A user
 * whose password is NULL or empty cannot pass, so `getenv` may give it. */
lithe_outcome *lithe_basic_auth(lithe_event *event, const char *realm, const lithe_user *users);

/* Returns whether two secrets are the same. The time that it takes does not tell where they differ,
 * only whether their lengths do. */
bool lithe_is_same_secret(lithe_text a, lithe_text b);

/* Which other sites' scripts may make requests. */
typedef struct lithe_cors_options {
  /* Sites, such as `https://example.com`. NULL is any site, without credentials. */
  const char *const *origins;
  /* Methods, with commas between them. NULL is all but `OPTIONS`. */
  const char *methods;
  /* Request headers, with commas between them. NULL is those that are asked for. */
  const char *headers;
  /* Headers of the answers that scripts may read, with commas between them. NULL stands
   * for no header. */
  const char *exposed;
  /* Requests may carry cookies and other credentials, if `origins` names sites. */
  bool credentials;
  /* Seconds that a browser remembers the answer to its preflight request. 0 does not say. */
  uint32_t max_age;
} lithe_cors_options;

/* Lets other sites' scripts make requests, and answers their preflight requests in the handler's
 * place (Fetch Standard, 3.2). A preflight request reaches only a route that takes `OPTIONS`.
 *
 * It does not guard WebSockets, which browsers open to any site: `lithe_same_origin` does. */
lithe_outcome *lithe_cors(lithe_event *event, const lithe_cors_options *options);

/* Refuses upgrades that another site's page asks for, with 403. `others` are sites that may ask,
 * such as `https://example.com`. NULL stands for no other site.
 *
 * A browser lets any page open a WebSocket to any host, and sends the host's cookies with it. So a
 * route that trusts cookies needs this. Clients other than browsers send no `origin`, and pass. */
lithe_outcome *lithe_same_origin(lithe_event *event, const char *const *others);

/* Takes over the `x-request-id` of a proxy in front, if it is well-formed, and otherwise the host's
 * own id. What runs after it finds the id in the local `request-id`. The client finds it in the
 * answer's `x-request-id`. */
lithe_outcome *lithe_request_id(lithe_event *event);

/* Writes into `server-timing` how long everything after it took. */
lithe_outcome *lithe_timing(lithe_event *event);

#ifdef __cplusplus
}
#endif

#endif

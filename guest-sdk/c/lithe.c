/* The SDK over the generated bindings (`lithe_wit.h`). Each component is built with it, for its
 * kind: LITHE_KIND_ROUTE, LITHE_KIND_HOOKS, LITHE_KIND_SESSION, LITHE_KIND_MIDDLEWARE or
 * LITHE_KIND_ERROR.
 *
 * Its parts are compiled as one file: the compiler runs once, and only what `lithe.h` and the
 * bindings declare is visible to the linker. */

#include "lithe_memory.c"

#include "lithe_event.c"
#include "lithe_outcome.c"
#include "lithe_socket.c"
#include "lithe_topics.c"

#include "lithe_error.c"
#include "lithe_handler.c"
#include "lithe_hooks.c"
#include "lithe_middleware.c"
#include "lithe_session.c"

/* The bindings ask for an object file with the contract's types, which `lithe build` adds
 * itself. */
void __component_type_object_force_link_lithe_wit(void) {}

/* The SDK over the generated bindings (`lithe_wit.h`). Each component is built with it, for its
 * kind and its exports (`lithe_kind.h`).
 *
 * Its parts are compiled as one file: the compiler runs once, and only what `lithe.h` and the
 * bindings declare is visible to the linker. */

#include "lithe_memory.c"
#include "lithe_table.c"
#include "lithe_text.c"

#include "lithe_event.c"
#include "lithe_request.c"
#include "lithe_outcome.c"
#include "lithe_cookie.c"
#include "lithe_socket.c"
#include "lithe_stream.c"
#include "lithe_topics.c"

#include "lithe_json.c"
#include "lithe_writer.c"

#include "lithe_next.c"
#include "lithe_auth.c"
#include "lithe_cors.c"
#include "lithe_origin.c"
#include "lithe_trace.c"

#include "lithe_app.c"
#include "lithe_dispatch.c"
#include "lithe_error.c"
#include "lithe_handler.c"
#include "lithe_hooks.c"
#include "lithe_session.c"
#include "lithe_swap.c"
#include "lithe_timers.c"

/* The bindings ask for an object file with the contract's types, which `lithe build` adds
 * itself. */
void __component_type_object_force_link_lithe_wit(void) {}

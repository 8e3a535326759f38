/* The played host of `lithe_testing.h`, and the SDK that it calls. Its parts are compiled as one
 * file, as the SDK's are. They stand where the bindings stand in a component: every function that
 * `lithe_wit.h` declares as an import is here. */

#include "lithe_testing.h"

#include "lithe.c"

#include "lithe_played.h"

#include "lithe_played_memory.c"

#include "lithe_played_event.c"
#include "lithe_played_socket.c"
#include "lithe_played_topics.c"
#include "lithe_played_clock.c"

#include "lithe_played_route.c"
#include "lithe_played_answer.c"
#include "lithe_played_client.c"
#include "lithe_played_swap.c"

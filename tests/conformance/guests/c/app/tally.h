/* The votes: how many each option has. */
#ifndef TALLY_H
#define TALLY_H

#include "lithe.h"

/* Adds votes for an option. */
void tally_add(lithe_text option, int64_t votes);

/* The votes as a JSON object, in the order of the options. It is valid until the callback ends. */
lithe_text tally_json(void);

/* Adds the votes of such an object. Returns whether it is one, and adds nothing if not. */
bool tally_add_json(lithe_text json);

/* Forgets all votes. */
void tally_clear(void);

#endif

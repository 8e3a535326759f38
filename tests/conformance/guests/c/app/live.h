/* `/live` and `/rooms/:id`: the app's sockets. */
#ifndef LIVE_H
#define LIVE_H

#include "lithe.h"

extern const lithe_hooks live;
extern const lithe_hooks rooms;

#endif

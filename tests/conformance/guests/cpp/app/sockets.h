#pragma once

#include "lithe.h"

// `/live` and `/rooms/:id`: the app's sockets.
extern const lithe_hooks live;
extern const lithe_hooks rooms;

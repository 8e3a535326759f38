/* Timers of the played host: time stands still until a test moves it. */

#include "lithe_played.h"

#ifdef LITHE_KIND_HOOKS
#define MAX_TIMERS 10000

typedef struct played_timer {
  uint32_t id;
  uint64_t due;
  uint32_t delay;
  bool repeats;
} played_timer;

static played_timer *timers;
static size_t timer_count;

bool lithe_plugin_timers_set(uint32_t delay_ms, bool repeat, uint32_t *ret,
                             lithe_plugin_timers_timer_error_t *err) {
  static uint32_t last;
  if (timer_count == MAX_TIMERS) {
    *err = (lithe_plugin_timers_timer_error_t){.tag = LITHE_PLUGIN_TIMERS_TIMER_ERROR_TOO_MANY};
    return false;
  }
  /* One without a delay takes a millisecond, too, so that a test's time goes on. */
  uint32_t delay = delay_ms ? delay_ms : 1;
  timers = grown(timers, timer_count, sizeof *timers);
  timers[timer_count++] = (played_timer){++last, time_now + delay, delay, repeat};
  *ret = last;
  return true;
}

void lithe_plugin_timers_cancel(uint32_t id) {
  for (size_t i = 0; i < timer_count; i++) {
    if (timers[i].id != id) continue;
    memmove(&timers[i], &timers[i + 1], (timer_count - i - 1) * sizeof *timers);
    timer_count--;
    return;
  }
}

static void forget_timers(void) { timer_count = 0; }

/* The timer that is due first: of several, the one that was set first. */
static played_timer *first_timer(void) {
  played_timer *first = NULL;
  for (size_t i = 0; i < timer_count; i++) {
    if (!first || timers[i].due < first->due) first = &timers[i];
  }
  return first;
}

void lithe_advance(uint32_t milliseconds) {
  uint64_t until = time_now + milliseconds;
  for (played_timer *timer; (timer = first_timer()) && timer->due <= until;) {
    uint32_t id = timer->id;
    time_now = timer->due;
    if (timer->repeats) {
      timer->due += timer->delay;
    } else {
      lithe_plugin_timers_cancel(id);
    }
    exports_lithe_plugin_hooks_timer(id);
    settle();
  }
  time_now = until;
}

size_t lithe_timers(void) { return timer_count; }
#else
static void forget_timers(void) {}

void lithe_advance(uint32_t milliseconds) { time_now += milliseconds; }

size_t lithe_timers(void) { return 0; }
#endif

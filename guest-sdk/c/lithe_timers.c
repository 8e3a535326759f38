/* The kind `hooks`: calls that the guest asks for. */

#include "lithe_internal.h"

#ifdef LITHE_KIND_HOOKS
__attribute__((__weak__)) void lithe_on_timer(uint32_t timer) { (void)timer; }

/* What a timer calls, if it is not `lithe_on_timer`. */
typedef struct alarm {
  void (*due)(uint32_t timer, void *data);
  void *data;
  bool repeats;
} alarm;

static table alarms;

uint32_t lithe_set_timer(uint32_t milliseconds, bool repeat) {
  uint32_t timer;
  lithe_plugin_timers_timer_error_t error;
  return lithe_plugin_timers_set(milliseconds, repeat, &timer, &error) ? timer : 0;
}

static uint32_t set_alarm(uint32_t milliseconds, alarm asked) {
  uint32_t timer = lithe_set_timer(milliseconds, asked.repeats);
  if (!timer) return 0;
  alarm *kept = allocate(sizeof *kept);
  *kept = asked;
  table_set(&alarms, timer, kept);
  return timer;
}

uint32_t lithe_after(uint32_t milliseconds, void (*due)(uint32_t timer, void *data), void *data) {
  return set_alarm(milliseconds, (alarm){due, data, false});
}

uint32_t lithe_every(uint32_t milliseconds, void (*due)(uint32_t timer, void *data), void *data) {
  return set_alarm(milliseconds, (alarm){due, data, true});
}

void lithe_cancel_timer(uint32_t timer) {
  free(table_remove(&alarms, timer));
  lithe_plugin_timers_cancel(timer);
}

void exports_lithe_plugin_hooks_timer(uint32_t timer) {
  const alarm *found = table_get(&alarms, timer);
  if (found) {
    /* The guest may cancel it, and free it thereby. */
    alarm called = *found;
    if (!called.repeats) free(table_remove(&alarms, timer));
    called.due(timer, called.data);
  } else {
    lithe_on_timer(timer);
  }
  finish();
}
#endif

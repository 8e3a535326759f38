/* What lives until the guest's function returns, and the texts in it. */

#include "lithe_internal.h"

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}

/* A list, with the newest first. */
typedef struct kept {
  struct kept *before;
  void *memory;
  void (*drop)(void *memory);
} kept;

static kept *all_kept;

static void keep(void *memory, void (*drop)(void *memory)) {
  kept *entry = allocate(sizeof *entry);
  *entry = (kept){all_kept, memory, drop};
  all_kept = entry;
}

static void keep_plain(void *memory) {
  for (kept *entry = all_kept; entry; entry = entry->before) {
    if (entry->memory == memory) entry->drop = NULL;
  }
}

static void release(void) {
  while (all_kept) {
    kept *entry = all_kept;
    all_kept = entry->before;
    if (entry->drop) entry->drop(entry->memory);
    free(entry->memory);
    free(entry);
  }
}

static void finish(void) {
  release();
  fflush(stdout);
}

static lithe_text take(uint8_t *data, size_t size) {
  char *copy = allocate(size + 1);
  if (size) {
    memcpy(copy, data, size);
    free(data);
  }
  copy[size] = 0;
  keep(copy, NULL);
  return (lithe_text){copy, size};
}

static lithe_wit_string_t view(lithe_text text) {
  return (lithe_wit_string_t){(uint8_t *)text.data, text.size};
}

static lithe_wit_string_t view_str(const char *string) { return view(lithe_str(string)); }

static uint8_t *copied(lithe_text text) {
  if (!text.size) return NULL;
  uint8_t *copy = allocate(text.size);
  memcpy(copy, text.data, text.size);
  return copy;
}

static lithe_wit_string_t copy_str(const char *string) {
  lithe_text text = lithe_str(string);
  return (lithe_wit_string_t){copied(text), text.size};
}

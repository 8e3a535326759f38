/* What lives until the guest's function returns, and the texts in it. */

#include "lithe_internal.h"

static _Noreturn void trap(const char *message) {
  fputs(message, stderr);
  fputc('\n', stderr);
  abort();
}

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}

static void *grown(void *list, size_t count, size_t item) {
  /* Full at each power of two. */
  if (count & (count - 1)) return list;
  void *larger = realloc(list, (count ? 2 * count : 1) * item);
  if (!larger) abort();
  return larger;
}

/* A list, with the newest first. */
typedef struct kept {
  struct kept *before;
  void *memory;
  void (*drop)(void *memory);
  /* A text lies here, in place of memory of its own. */
  char text[];
} kept;

static kept *all_kept;

static kept *keep_with(size_t size, void *memory, void (*drop)(void *memory)) {
  kept *entry = allocate(sizeof *entry + size);
  entry->before = all_kept;
  entry->memory = memory;
  entry->drop = drop;
  all_kept = entry;
  return entry;
}

static void keep(void *memory, void (*drop)(void *memory)) { keep_with(0, memory, drop); }

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

static char *blank(size_t size) {
  char *made = keep_with(size + 1, NULL, NULL)->text;
  made[size] = 0;
  return made;
}

static lithe_text kept_copy(lithe_text text) {
  char *copy = blank(text.size);
  if (text.size) memcpy(copy, text.data, text.size);
  return (lithe_text){copy, text.size};
}

static lithe_text take(uint8_t *data, size_t size) {
  lithe_text text = kept_copy((lithe_text){(char *)data, size});
  if (size) free(data);
  return text;
}

static const lithe_text *take_list(lithe_wit_list_string_t list) {
  lithe_text *texts = allocate(list.len * sizeof *texts);
  keep(texts, NULL);
  for (size_t i = 0; i < list.len; i++) texts[i] = take(list.ptr[i].ptr, list.ptr[i].len);
  if (list.len) free(list.ptr);
  return texts;
}

static lithe_wit_string_t view(lithe_text text) {
  return (lithe_wit_string_t){(uint8_t *)text.data, text.size};
}

static lithe_wit_string_t view_str(const char *string) { return view(lithe_str(string)); }

static lithe_text text_of(lithe_wit_string_t string) {
  return (lithe_text){(char *)string.ptr, string.len};
}

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

/* What is known by a number: open addressing, in one block of memory. */

#include "lithe_internal.h"

/* Free if `value` is NULL. */
typedef struct table_entry {
  uint32_t key;
  void *value;
} table_entry;

/* Where a number belongs: numbers count up, so neighbours must not meet. */
static size_t home(const table *table, uint32_t key) {
  return (key * 2654435769u) & (table->capacity - 1);
}

/* The entry of a number, or the free one that it would have. The table is never full. */
static table_entry *find_entry(const table *table, uint32_t key) {
  size_t at = home(table, key);
  while (table->entries[at].value && table->entries[at].key != key) {
    at = (at + 1) & (table->capacity - 1);
  }
  return &table->entries[at];
}

static void *table_get(const table *table, uint32_t key) {
  return table->count ? find_entry(table, key)->value : NULL;
}

static void table_set(table *table, uint32_t key, void *value) {
  if (2 * (table->count + 1) > table->capacity) {
    struct table larger = {NULL, table->capacity ? 2 * table->capacity : 8, table->count};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (!larger.entries) abort();
    for (size_t i = 0; i < table->capacity; i++) {
      if (table->entries[i].value) *find_entry(&larger, table->entries[i].key) = table->entries[i];
    }
    free(table->entries);
    *table = larger;
  }
  table_entry *entry = find_entry(table, key);
  if (!entry->value) table->count++;
  *entry = (table_entry){key, value};
}

static void *table_remove(table *table, uint32_t key) {
  if (!table->count) return NULL;
  table_entry *entry = find_entry(table, key);
  void *value = entry->value;
  if (!value) return NULL;
  table->count--;
  /* Moves what stands behind it to where it is looked for. */
  size_t mask = table->capacity - 1, hole = (size_t)(entry - table->entries);
  for (size_t at = (hole + 1) & mask; table->entries[at].value; at = (at + 1) & mask) {
    size_t from = home(table, table->entries[at].key);
    if (((at - from) & mask) >= ((at - hole) & mask)) {
      table->entries[hole] = table->entries[at];
      hole = at;
    }
  }
  table->entries[hole].value = NULL;
  return value;
}

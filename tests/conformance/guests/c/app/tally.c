#include "tally.h"

#include <stdlib.h>

typedef struct option {
  char *name;
  size_t size;
  int64_t votes;
} option;

/* In the order of their names. */
static option *options;
static size_t count;

static int compare(const option *option, lithe_text name) {
  size_t size = option->size < name.size ? option->size : name.size;
  int difference = memcmp(option->name, name.data, size);
  if (difference) return difference;
  return (option->size > name.size) - (option->size < name.size);
}

void tally_add(lithe_text name, int64_t votes) {
  size_t at = 0;
  while (at < count && compare(&options[at], name) < 0) at++;
  if (at == count || compare(&options[at], name) != 0) {
    options = realloc(options, (count + 1) * sizeof *options);
    char *copy = malloc(name.size + 1);
    if (!options || !copy) abort();
    memcpy(copy, name.data, name.size);
    memmove(&options[at + 1], &options[at], (count - at) * sizeof *options);
    options[at] = (option){copy, name.size, 0};
    count++;
  }
  options[at].votes += votes;
}

lithe_text tally_json(void) {
  lithe_writer *json = lithe_write_json();
  lithe_write_object(json);
  for (size_t i = 0; i < count; i++) {
    lithe_write_name(json, (lithe_text){options[i].name, options[i].size});
    lithe_write_integer(json, options[i].votes);
  }
  lithe_write_end(json);
  return lithe_written(json);
}

bool tally_add_json(lithe_text text) {
  lithe_json tally = lithe_json_read(text), value;
  lithe_text name;
  int64_t votes;
  if (tally.type != LITHE_JSON_OBJECT) return false;
  for (size_t at = 0; lithe_json_next_field(tally, &at, &name, &value);) {
    if (!lithe_json_integer(value, &votes)) return false;
  }
  for (size_t at = 0; lithe_json_next_field(tally, &at, &name, &value);) {
    lithe_json_integer(value, &votes);
    tally_add(name, votes);
  }
  return true;
}

void tally_clear(void) {
  for (size_t i = 0; i < count; i++) free(options[i].name);
  free(options);
  options = NULL;
  count = 0;
}

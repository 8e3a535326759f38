#include "tally.h"

#include <stdlib.h>

#include "json.h"

constinit Tally tally;

// Less than 0, 0 or more, as `a` stands before `b`, is the same, or stands behind it.
static int compare(lithe_text a, lithe_text b) {
  const int difference = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
  return difference ? difference : (a.size > b.size) - (a.size < b.size);
}

size_t Tally::find(lithe_text name) const {
  size_t at = 0;
  while (at < count_ && compare({options_[at].name, options_[at].size}, name) < 0) at++;
  return at;
}

void Tally::add(lithe_text name, int64_t votes) {
  const size_t at = find(name);
  if (at == count_ || compare({options_[at].name, options_[at].size}, name) != 0) {
    options_ = static_cast<Option *>(realloc(options_, (count_ + 1) * sizeof *options_));
    auto *copy = static_cast<char *>(malloc(name.size + 1));
    if (!options_ || !copy) abort();
    memcpy(copy, name.data, name.size);
    memmove(&options_[at + 1], &options_[at], (count_ - at) * sizeof *options_);
    options_[at] = {copy, name.size, 0};
    count_++;
  }
  options_[at].votes += votes;
}

bool Tally::add(lithe_json votes) {
  if (votes.type != LITHE_JSON_OBJECT) return false;
  lithe_text name;
  lithe_json value;
  int64_t number;
  for (size_t at = 0; lithe_json_next_field(votes, &at, &name, &value);) {
    if (!lithe_json_integer(value, &number)) return false;
  }
  for (size_t at = 0; lithe_json_next_field(votes, &at, &name, &value);) {
    lithe_json_integer(value, &number);
    add(name, number);
  }
  return true;
}

lithe_text Tally::json() const {
  Object object;
  for (size_t i = 0; i < count_; i++) {
    object.add(lithe_text{options_[i].name, options_[i].size}, options_[i].votes);
  }
  return object.text();
}

void Tally::clear() {
  for (size_t i = 0; i < count_; i++) free(options_[i].name);
  free(options_);
  options_ = nullptr;
  count_ = 0;
}

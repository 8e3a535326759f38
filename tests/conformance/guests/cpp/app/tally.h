#pragma once

#include "lithe.h"

// The votes: how many each option has, in the order of the options.
class Tally {
 public:
  constexpr Tally() = default;
  Tally(const Tally &) = delete;
  Tally &operator=(const Tally &) = delete;

  void add(lithe_text name, int64_t votes);
  // Adds the votes of a JSON object. Answers whether it is one; if not, nothing is added.
  bool add(lithe_json votes);
  // As a JSON object.
  lithe_text json() const;
  void clear();

 private:
  struct Option {
    char *name;
    size_t size;
    int64_t votes;
  };
  // Which option has that name, or where it would stand.
  size_t find(lithe_text name) const;

  Option *options_ = nullptr;
  size_t count_ = 0;
};

extern Tally tally;

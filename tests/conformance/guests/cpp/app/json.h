#pragma once

#include "lithe.h"

// A JSON object that is written field by field. It is valid until the callback ends.
class Object {
 public:
  Object() : writer_(lithe_write_json()) { lithe_write_object(writer_); }

  Object &add(lithe_text name, int64_t value) {
    lithe_write_name(writer_, name);
    lithe_write_integer(writer_, value);
    return *this;
  }
  Object &add(lithe_text name, double value) {
    lithe_write_name(writer_, name);
    lithe_write_number(writer_, value);
    return *this;
  }
  Object &add(lithe_text name, lithe_text value) {
    lithe_write_name(writer_, name);
    lithe_write_string(writer_, value);
    return *this;
  }
  template <typename Value>
  Object &add(const char *name, Value value) {
    return add(lithe_str(name), value);
  }
  lithe_text text() {
    lithe_write_end(writer_);
    return lithe_written(writer_);
  }

 private:
  lithe_writer *writer_;
};

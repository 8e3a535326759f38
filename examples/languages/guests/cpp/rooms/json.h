#pragma once

#include "lithe.h"

// JSON, piece by piece.
class Json {
 public:
  Json() = default;
  ~Json();
  Json(const Json &) = delete;
  Json &operator=(const Json &) = delete;

  Json &raw(lithe_text text);
  Json &raw(const char *text) { return raw(lithe_str(text)); }
  Json &string(lithe_text text);
  Json &number(size_t value);
  lithe_text text() const { return {data_, size_}; }

 private:
  char *data_ = nullptr;
  size_t size_ = 0;
};

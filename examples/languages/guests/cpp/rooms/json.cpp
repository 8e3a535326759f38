#include "json.h"

#include <stdio.h>
#include <stdlib.h>

Json::~Json() { free(data_); }

Json &Json::raw(lithe_text text) {
  char *longer = static_cast<char *>(realloc(data_, size_ + text.size));
  if (!longer) abort();
  data_ = longer;
  memcpy(data_ + size_, text.data, text.size);
  size_ += text.size;
  return *this;
}

Json &Json::string(lithe_text text) {
  raw("\"");
  for (size_t i = 0; i < text.size; i++) {
    const auto byte = static_cast<unsigned char>(text.data[i]);
    char escaped[8] = {text.data[i]};
    if (byte == '"' || byte == '\\') {
      snprintf(escaped, sizeof escaped, "\\%c", byte);
    } else if (byte < 0x20) {
      snprintf(escaped, sizeof escaped, "\\u%04x", byte);
    }
    raw(escaped);
  }
  return raw("\"");
}

Json &Json::number(size_t value) {
  char digits[24];
  snprintf(digits, sizeof digits, "%zu", value);
  return raw(digits);
}

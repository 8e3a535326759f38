// `/cpp/echo`: a WebSocket that greets and echoes, and JSON for plain HTTP.

#include <stdlib.h>

#include "lithe.h"

namespace {

// Two texts as one, for as long as the object lives.
class Joined {
 public:
  Joined(lithe_text first, lithe_text second)
      : size_(first.size + second.size), data_(static_cast<char *>(malloc(size_))) {
    if (!data_) abort();
    memcpy(data_, first.data, first.size);
    memcpy(data_ + first.size, second.data, second.size);
  }
  ~Joined() { free(data_); }
  Joined(const Joined &) = delete;
  Joined &operator=(const Joined &) = delete;

  lithe_text text() const { return {data_, size_}; }

 private:
  size_t size_;
  char *data_;
};

}  // namespace

lithe_outcome *lithe_on_request(lithe_event *event) {
  if (!lithe_is_upgrade_request(event)) {
    return lithe_respond(200, "application/json", lithe_str(R"({"mode":"http"})"));
  }
  lithe_upgrade_options options{};
  if (lithe_offers_protocol(event, "chat")) options.protocol = "chat";
  return lithe_upgrade(event, &options);
}

void lithe_on_open(lithe_socket socket) { lithe_send_text(socket, lithe_str("connected")); }

void lithe_on_message(lithe_socket socket, lithe_message message) {
  if (message.is_binary) {
    lithe_send(socket, message);
  } else {
    lithe_send_text(socket, Joined(lithe_str("echo:"), message.content).text());
  }
}

#include "sockets.h"

#include <stdlib.h>

#include "json.h"
#include "tally.h"

namespace {

// The other end of a socket.
class Peer {
 public:
  explicit Peer(lithe_socket socket) : socket_(socket) {}

  void send(lithe_text text) const { lithe_send_text(socket_, text); }
  void send(const char *text) const { send(lithe_str(text)); }
  void send(uint32_t number) const { send(lithe_format("%u", static_cast<unsigned>(number))); }
  void hear(lithe_text text) const;

 private:
  void say_topics() const;
  void keep_name(lithe_text name) const;
  void say_name() const;
  void begin_to_count() const;

  lithe_socket socket_;
};

// A timer that says 1, 2 and 3.
struct Counter {
  lithe_socket socket;
  uint32_t count;

  static void next(uint32_t timer, void *data) {
    auto *counter = static_cast<Counter *>(data);
    Peer(counter->socket).send(++counter->count);
    if (counter->count < 3) return;
    lithe_cancel_timer(timer);
    free(counter);
  }
};

void Peer::begin_to_count() const {
  auto *counter = static_cast<Counter *>(malloc(sizeof(Counter)));
  if (!counter) abort();
  *counter = {socket_, 0};
  lithe_every(20, Counter::next, counter);
}

void Peer::say_topics() const {
  const lithe_text *topics;
  const size_t count = lithe_subscriptions(socket_, &topics);
  lithe_text all = lithe_str("");
  for (size_t i = 0; i < count; i++) {
    all = lithe_format("%s%s%s", all.data, i ? "," : "", topics[i].data);
  }
  send(all);
}

void Peer::keep_name(lithe_text name) const {
  if (lithe_set_attachment(socket_, Object().add("name", name).text())) {
    send("ok");
  } else {
    lithe_fail(socket_, "the name is too long for an attachment");
  }
}

void Peer::say_name() const {
  lithe_text name = lithe_str("");
  const lithe_json kept = lithe_json_read(lithe_attachment(socket_));
  lithe_json_string(lithe_json_field(kept, "name"), &name);
  send(name);
}

// Whether a text has a prefix; `*rest` is what stands behind it.
bool cut(lithe_text text, const char *prefix, lithe_text *rest) {
  if (!lithe_begins_with(text, prefix)) return false;
  *rest = {text.data + strlen(prefix), text.size - strlen(prefix)};
  return true;
}

void Peer::hear(lithe_text text) const {
  lithe_text rest;
  if (lithe_is(text, "who")) {
    send(static_cast<uint32_t>(lithe_members(lithe_str("votes"), nullptr)));
  } else if (lithe_is(text, "topics")) {
    say_topics();
  } else if (cut(text, "name:", &rest)) {
    keep_name(rest);
  } else if (lithe_is(text, "name?")) {
    say_name();
  } else if (lithe_is(text, "tick")) {
    const auto tock = [](uint32_t, void *data) {
      Peer(static_cast<lithe_socket>(reinterpret_cast<uintptr_t>(data))).send("tock");
    };
    lithe_after(50, tock, reinterpret_cast<void *>(static_cast<uintptr_t>(socket_)));
  } else if (lithe_is(text, "count")) {
    begin_to_count();
  } else if (cut(text, "say:", &rest)) {
    send(lithe_publish(lithe_str("votes"), {rest, false}, socket_));
  } else if (lithe_is(text, "close")) {
    lithe_close(socket_, 4001, "bye");
  } else if (lithe_is(text, "fail")) {
    lithe_fail(socket_, "as told");
  } else if (lithe_is(text, "buffered")) {
    send(lithe_buffered_amount(socket_));
  } else {
    send(lithe_format("echo:%.*s", static_cast<int>(text.size), text.data));
  }
}

lithe_text topic_of(lithe_socket socket) {
  return lithe_format("room:%s", lithe_attachment(socket).data);
}

}  // namespace

const lithe_hooks live = {
    .open =
        [](lithe_socket socket) {
          lithe_subscribe(socket, lithe_str("votes"));
          Peer(socket).send(tally.json());
        },
    .message =
        [](lithe_socket socket, lithe_message message) {
          if (message.is_binary) {
            lithe_send(socket, message);
          } else {
            Peer(socket).hear(message.content);
          }
        },
};

void lithe_on_resume(lithe_socket socket) {
  if (lithe_hooks_of(socket) == &live) Peer(socket).send("resumed");
}

const lithe_hooks rooms = {
    .upgrade =
        [](lithe_event *event) {
          lithe_upgrade_options options = {.attachment = lithe_param(event, "id")};
          if (lithe_offers_protocol(event, "chat")) options.protocol = "chat";
          return lithe_upgrade(event, &options);
        },
    .open =
        [](lithe_socket socket) {
          if (lithe_subscribe(socket, topic_of(socket))) {
            Peer(socket).send(lithe_format("room %s", lithe_attachment(socket).data));
          } else {
            lithe_fail(socket, "the room's name is too long for a topic");
          }
        },
    .message =
        [](lithe_socket socket, lithe_message message) {
          lithe_publish(topic_of(socket), message, LITHE_NOBODY);
        },
};

/* The topics of the played host. */

#include "lithe_played.h"

#define MAX_TOPICS 64
#define MAX_TOPIC_NAME 256

typedef struct subscription {
  lithe_text topic;
  lithe_socket socket;
} subscription;

static subscription *subscriptions;
static size_t subscription_count;

static subscription *find_subscription(lithe_socket socket, lithe_text topic) {
  for (size_t i = 0; i < subscription_count; i++) {
    subscription *found = &subscriptions[i];
    if (found->socket == socket && equals(found->topic, topic)) return found;
  }
  return NULL;
}

/* The topics of a socket, in the order of their names; the list is for the caller to free. */
static size_t topics_of(lithe_socket socket, lithe_text **topics) {
  lithe_text *found = allocate(subscription_count * sizeof *found);
  size_t count = 0;
  for (size_t i = 0; i < subscription_count; i++) {
    if (subscriptions[i].socket != socket) continue;
    size_t at = count++;
    for (; at && strcmp(found[at - 1].data, subscriptions[i].topic.data) > 0; at--) {
      found[at] = found[at - 1];
    }
    found[at] = subscriptions[i].topic;
  }
  *topics = found;
  return count;
}

static bool refuse_subscribe(lithe_plugin_topics_subscribe_error_t *error, int tag) {
  *error = (lithe_plugin_topics_subscribe_error_t){.tag = (uint8_t)tag};
  return false;
}

bool lithe_plugin_topics_subscribe(lithe_socket socket, lithe_wit_string_t *topic,
                                   lithe_plugin_topics_subscribe_error_t *err) {
  lithe_text name = heard(topic), *topics;
  if (!known(socket)) return refuse_subscribe(err, LITHE_PLUGIN_TOPICS_SUBSCRIBE_ERROR_CLOSED);
  if (name.size > MAX_TOPIC_NAME) {
    return refuse_subscribe(err, LITHE_PLUGIN_TOPICS_SUBSCRIBE_ERROR_NAME_TOO_LONG);
  }
  if (find_subscription(socket, name)) return true;
  size_t count = topics_of(socket, &topics);
  free(topics);
  if (count == MAX_TOPICS) {
    return refuse_subscribe(err, LITHE_PLUGIN_TOPICS_SUBSCRIBE_ERROR_TOO_MANY);
  }
  subscriptions = grown(subscriptions, subscription_count, sizeof *subscriptions);
  subscriptions[subscription_count++] = (subscription){lasting(name), socket};
  return true;
}

void lithe_plugin_topics_unsubscribe(lithe_socket socket, lithe_wit_string_t *topic) {
  subscription *found = find_subscription(socket, heard(topic));
  if (found) found->socket = LITHE_NOBODY;
}

static void leave_topics(lithe_socket socket) {
  for (size_t i = 0; i < subscription_count; i++) {
    if (subscriptions[i].socket == socket) subscriptions[i].socket = LITHE_NOBODY;
  }
}

void lithe_plugin_topics_subscriptions(lithe_socket socket, lithe_wit_list_string_t *ret) {
  lithe_text *topics;
  size_t count = topics_of(socket, &topics);
  *ret = (lithe_wit_list_string_t){count ? allocate(count * sizeof *ret->ptr) : NULL, count};
  for (size_t i = 0; i < count; i++) ret->ptr[i] = given(topics[i]);
  free(topics);
}

static bool is_member(const lithe_client *client, const lithe_text *topic) {
  if (client->is_gone) return false;
  return topic ? find_subscription(client->socket, *topic) != NULL : !client->is_stream;
}

uint32_t lithe_plugin_topics_publish(lithe_wit_string_t *topic,
                                     lithe_plugin_socket_message_t *message,
                                     lithe_socket *maybe_not_to) {
  lithe_text name = heard(topic);
  uint32_t count = 0;
  for (size_t i = 0; i < client_count; i++) {
    lithe_socket socket = all_clients[i]->socket;
    if (!is_member(all_clients[i], &name) || (maybe_not_to && *maybe_not_to == socket)) continue;
    lithe_plugin_socket_send_error_t error;
    count += lithe_plugin_socket_send(socket, message, &error);
  }
  return count;
}

void lithe_plugin_topics_members(lithe_wit_string_t *maybe_topic,
                                 lithe_plugin_topics_list_socket_id_t *ret) {
  lithe_text name = maybe_topic ? heard(maybe_topic) : none;
  *ret = (lithe_plugin_topics_list_socket_id_t){NULL, 0};
  for (size_t i = 0; i < client_count; i++) {
    if (!is_member(all_clients[i], maybe_topic ? &name : NULL)) continue;
    ret->ptr = grown(ret->ptr, ret->len, sizeof *ret->ptr);
    ret->ptr[ret->len++] = all_clients[i]->socket;
  }
}

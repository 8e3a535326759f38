//go:build !wasip1

package played

import (
	"maps"
	"slices"
)

const (
	// How many topics one socket may hear.
	MaxTopics = 64
	// How long a topic's name may be, in bytes.
	maxName = 256
)

// What comes of subscribing.
const (
	Subscribed = iota
	NotThere
	TooMany
	NameTooLong
)

func Subscribe(id uint32, topic string) (result int) {
	result = NotThere
	with(id, func(*socket) {
		members := host.topics[topic]
		switch {
		case len(topic) > maxName:
			result = NameTooLong
		case !members[id] && len(topicsOf(id)) >= MaxTopics:
			result = TooMany
		default:
			if members == nil {
				members = map[uint32]bool{}
				host.topics[topic] = members
			}
			members[id] = true
			result = Subscribed
		}
	})
	return result
}

func Unsubscribe(id uint32, topic string) {
	host.Lock()
	defer host.Unlock()
	delete(host.topics[topic], id)
}

// Topics are those that the socket hears, in the order of their names.
func Topics(id uint32) []string {
	host.Lock()
	defer host.Unlock()
	return topicsOf(id)
}

func topicsOf(id uint32) (topics []string) {
	for topic, members := range host.topics {
		if members[id] {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics)
	return topics
}

func Publish(topic string, message Message, notTo *uint32) (count int) {
	host.Lock()
	defer host.Unlock()
	for _, id := range slices.Sorted(maps.Keys(host.topics[topic])) {
		isLeftOut := notTo != nil && *notTo == id
		if socket := known(id); socket != nil && !isLeftOut && socket.send(message) == Sent {
			count++
		}
	}
	return count
}

// Members are the subscribers of a topic. Without one, they are all sockets but streams.
func Members(topic *string) (members []uint32) {
	host.Lock()
	defer host.Unlock()
	if topic != nil {
		return slices.Sorted(maps.Keys(host.topics[*topic]))
	}
	for id, socket := range host.sockets {
		if !socket.isGone && !socket.isStream {
			members = append(members, id)
		}
	}
	slices.Sort(members)
	return members
}

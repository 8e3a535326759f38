// `/go/rooms/[id]`: what one sends, everyone in that room gets as it was sent, the sender included.
//
// A room is a topic, and the host keeps its name with each socket: nothing lies in this component's
// memory.
package main

import "lithe"

func init() {
	lithe.Hooks{Request: request, Open: open, Message: message}.Serve()
}

type about struct {
	Room    string `json:"room"`
	Members int    `json:"members"`
}

func request(event *lithe.Event) (lithe.Outcome, error) {
	room := event.Param("id")
	if !event.IsUpgradeRequest() {
		return lithe.JSON(200, about{room, len(lithe.Members(room))})
	}
	return event.Upgrade(lithe.UpgradeOptions{Attachment: []byte(room)})
}

func open(peer lithe.Peer) error { return peer.Subscribe(string(peer.Attachment())) }

func message(peer lithe.Peer, message lithe.Message) error {
	lithe.Publish(string(peer.Attachment()), message)
	return nil
}

func main() {}

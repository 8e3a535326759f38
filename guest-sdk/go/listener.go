package lithe

// What hears of sockets: hooks, or an app for the hooks of its routes.
type listener interface {
	opened(peer Peer)
	received(peer Peer, messages []Message)
	drained(peer Peer)
	resumed(peer Peer)
	closed(peer Peer, info CloseInfo)
}

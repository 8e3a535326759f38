//go:build lithe_session

package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_session"
	bindings "lithe/internal/wit/lithe_plugin_receiver"
)

func init() {
	export.Run = func(id uint32) { attendSession(Socket{Peer(id)}) }
}

func receive(from Peer, milliseconds *uint32) Received {
	limit := wit.None[uint32]()
	if milliseconds != nil {
		limit = wit.Some(*milliseconds)
	}
	call := func() bindings.Received { return bindings.Receive(uint32(from), limit) }
	return wit.Read(call, func(received bindings.Received) Received {
		switch received.Tag() {
		case bindings.ReceivedMessage:
			message := copiedMessage(received.Message())
			return Received{Message: &message}
		case bindings.ReceivedClosed:
			info := copiedCloseInfo(received.Closed())
			return Received{Closed: &info}
		}
		return Received{}
	})
}

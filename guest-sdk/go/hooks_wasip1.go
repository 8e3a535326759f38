//go:build lithe_hooks

package lithe

import (
	"encoding/binary"

	wit "lithe/internal/abi"
	batch "lithe/internal/wit/export_lithe_plugin_batch"
	hooks "lithe/internal/wit/export_lithe_plugin_hooks"
	resume "lithe/internal/wit/export_lithe_plugin_resume"
	state "lithe/internal/wit/export_lithe_plugin_state"
	socket "lithe/internal/wit/lithe_plugin_socket"
	bindings "lithe/internal/wit/lithe_plugin_timers"
	turn "lithe/internal/wit/lithe_plugin_turn"
)

func init() {
	hooks.Open = func(id uint32) { heardBy.opened(Peer(id)) }
	hooks.Receive = func(id uint32, messages []socket.Message) {
		copied := make([]Message, len(messages))
		for i, message := range messages {
			copied[i] = copiedMessage(message)
		}
		wit.ReleaseArguments()
		heardBy.received(Peer(id), copied)
	}
	hooks.Drain = func(id uint32) { heardBy.drained(Peer(id)) }
	hooks.Close = func(id uint32, info socket.CloseInfo) {
		copied := copiedCloseInfo(info)
		wit.ReleaseArguments()
		heardBy.closed(Peer(id), copied)
	}
	hooks.Timer = func(id uint32) { due(Timer(id)) }
	batch.Receive = func(messages []byte) {
		turns := turnsOf(messages)
		wit.ReleaseArguments()
		for i, turnOf := range turns {
			if i > 0 {
				turn.Begin(uint32(turnOf.peer))
			}
			heardBy.received(turnOf.peer, turnOf.messages)
		}
	}
	resume.Resume = func(id uint32) { heardBy.resumed(Peer(id)) }
	state.Save = func() wit.Result[[]byte, string] {
		bytes, err := saved()
		if err != nil {
			return wit.Err[[]byte](err.Error())
		}
		return wit.Ok[[]byte, string](bytes)
	}
	state.Restore = func(bytes []byte) wit.Result[wit.Unit, string] {
		copied := append([]byte(nil), bytes...)
		wit.ReleaseArguments()
		return told(restored(copied))
	}
}

// What a batch says to one socket.
type turnOfPeer struct {
	peer     Peer
	messages []Message
}

// Takes a batch apart: see `wit/batch.wit`. Ignores a message that is cut off.
func turnsOf(packed []byte) (turns []turnOfPeer) {
	const head = 8
	for len(packed) >= head {
		peer := Peer(binary.LittleEndian.Uint32(packed))
		length := binary.LittleEndian.Uint32(packed[4:])
		isBinary := length&1 == 1
		length >>= 1
		packed = packed[head:]
		if uint32(len(packed)) < length {
			break
		}
		message := Message{string(packed[:length]), isBinary}
		packed = packed[length:]
		if last := len(turns) - 1; last >= 0 && turns[last].peer == peer {
			turns[last].messages = append(turns[last].messages, message)
		} else {
			turns = append(turns, turnOfPeer{peer, []Message{message}})
		}
	}
	return turns
}

func setTimer(milliseconds uint32, repeat bool) (timer Timer, isSet bool) {
	result := bindings.Set(milliseconds, repeat)
	return Timer(result.Ok()), result.Tag() == wit.ResultOk
}

func cancelTimer(timer Timer) { bindings.Cancel(uint32(timer)) }

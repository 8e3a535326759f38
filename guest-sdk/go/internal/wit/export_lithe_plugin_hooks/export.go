//go:build wasip1

package export_lithe_plugin_hooks

import socket "lithe/internal/wit/lithe_plugin_socket"

var (
	Open    func(id uint32)
	Receive func(id uint32, messages []socket.Message)
	Drain   func(id uint32)
	Close   func(id uint32, info socket.CloseInfo)
	Timer   func(id uint32)
)

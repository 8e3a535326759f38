//go:build wasip1

package export_lithe_plugin_batch

var Receive func(messages []uint8)

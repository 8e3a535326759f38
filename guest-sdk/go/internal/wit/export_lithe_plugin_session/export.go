//go:build wasip1

package export_lithe_plugin_session

var Run func(id uint32)

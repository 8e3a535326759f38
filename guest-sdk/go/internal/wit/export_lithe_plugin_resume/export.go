//go:build wasip1

package export_lithe_plugin_resume

var Resume func(id uint32)

//go:build wasip1

package export_lithe_plugin_state

import wit "lithe/internal/abi"

var (
	Save    func() []uint8
	Restore func(saved []uint8) wit.Result[wit.Unit, string]
)

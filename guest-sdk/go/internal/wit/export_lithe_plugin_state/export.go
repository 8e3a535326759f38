//go:build wasip1

package export_lithe_plugin_state

import wit "lithe/internal/abi"

var (
	Save    func() wit.Result[[]uint8, string]
	Restore func(saved []uint8) wit.Result[wit.Unit, string]
)

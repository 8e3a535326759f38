//go:build wasip1

package export_lithe_plugin_health

import wit "lithe/internal/abi"

var Check func() wit.Result[wit.Unit, string]

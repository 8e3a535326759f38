package lithe

import (
	wit "lithe/internal/abi"
	export "lithe/internal/wit/export_lithe_plugin_health"
)

func init() {
	export.Check = func() wit.Result[wit.Unit, string] { return told(checkHealth()) }
}

// The result of what may fail, in words for the host.
func told(err error) wit.Result[wit.Unit, string] {
	if err != nil {
		return wit.Err[wit.Unit](err.Error())
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}

package lithe

// Health is asked before a version of the component serves anything. With an error, the version
// before goes on, and the log has the reason.
//
//	lithe.Health(func() error { … }).Serve()
type Health func() error

// Serve has the host ask.
func (check Health) Serve() {
	exports(exportsHealth)
	healthCheck = check
}

var healthCheck Health = func() error { return errNotServed }

func checkHealth() error { return run(healthCheck) }

//go:build wasip1

// With an assembly file, a package may declare functions that others define.

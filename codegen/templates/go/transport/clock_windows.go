package transport

import "golang.org/x/sys/windows"

// BootClock gives milliseconds since the boot of the machine, running during sleep: the tick count (ORD-1).
func BootClock() int64 { return windows.DurationSinceBoot().Milliseconds() }

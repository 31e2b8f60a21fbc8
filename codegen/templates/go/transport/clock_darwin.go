package transport

import (
	"time"

	"golang.org/x/sys/unix"
)

// BootClock gives milliseconds since the boot of the machine, running during sleep (ORD-1).
func BootClock() int64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &at); err != nil {
		// Every macOS since 10.12 has this clock.
		panic(err)
	}
	return at.Nano() / int64(time.Millisecond)
}

package transport

import (
	"syscall"
	"time"
	"unsafe"
)

const clockBoottime = 7

// BootClock gives milliseconds since the boot of the machine, running during sleep (ORD-1).
func BootClock() int64 {
	var at syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&at)), 0)
	if failed != 0 {
		// Every Linux since 2.6.39 has this clock.
		panic(failed)
	}
	return at.Nano() / int64(time.Millisecond)
}

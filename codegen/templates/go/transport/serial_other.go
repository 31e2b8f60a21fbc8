//go:build !linux

package transport

import (
	"errors"
	"io"
	"time"
)

var begin = time.Now()

// BootClock gives milliseconds of the monotonic clock. It does not run during sleep on every system (ORD-1).
func BootClock() int64 { return time.Since(begin).Milliseconds() + 1 }

func openSerial(path string) (io.ReadWriteCloser, error) {
	return nil, errors.Join(errors.New("serial ports are here for Linux alone: "+path), errors.ErrUnsupported)
}

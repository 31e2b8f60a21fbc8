package transport

import (
	"io"
	"os"
	"time"
)

// deadlineLine is a line whose driver knows no deadline: one that takes nothing any more would stop the loop for good.
type deadlineLine struct {
	io.ReadWriteCloser
	deadline time.Time
}

// SetWriteDeadline is for the writes that follow.
func (d *deadlineLine) SetWriteDeadline(deadline time.Time) error {
	d.deadline = deadline
	return nil
}

// Write fails at the deadline; the line is to be closed then, which ends what still waits.
func (d *deadlineLine) Write(data []byte) (int, error) {
	type outcome struct {
		size int
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		size, err := d.ReadWriteCloser.Write(data)
		done <- outcome{size, err}
	}()
	timer := time.NewTimer(time.Until(d.deadline))
	defer timer.Stop()
	select {
	case found := <-done:
		return found.size, found.err
	case <-timer.C:
		return 0, os.ErrDeadlineExceeded
	}
}

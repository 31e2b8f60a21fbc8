// Package transport has thin lines around a link: TCP, serial ports, and the loop that moves bytes and time. It knows
// nothing of the protocol (framing, "The line").
package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"hispos-client/hispos"
)

const (
	dialTime   = 10 * time.Second
	writeTime  = 10 * time.Second
	chunkBytes = 4096
)

// Link is what the loop needs of either end.
type Link interface {
	Opened(now int64)
	Closed(now int64)
	Feed(data []byte, now int64)
	OnTimer(now int64)
	NextTimer() (int64, bool)
	PollTransmit() []byte
}

// Open opens a line: tcp:HOST:PORT dials, listen:HOST:PORT waits for one peer, serial:PATH is a port.
func Open(name string) (io.ReadWriteCloser, error) {
	kind, place, _ := strings.Cut(name, ":")
	switch kind {
	case "tcp":
		return net.DialTimeout("tcp", place, dialTime)
	case "listen":
		listener, err := net.Listen("tcp", place)
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		return listener.Accept()
	case "serial":
		return openSerial(place)
	}
	return nil, errors.New("a line is tcp:HOST:PORT, listen:HOST:PORT or serial:PATH")
}

// chunk is what a line gave, or that it is gone.
type chunk struct {
	line io.ReadWriteCloser
	data []byte
	err  error
}

// Loop moves bytes and time between one line and one link, in the goroutine that calls Turn.
type Loop struct {
	link   Link
	name   string
	clock  func() int64
	line   io.ReadWriteCloser
	chunks chan chunk
	done   chan func(now int64)
	opened chan chunk
	wait   int64
	again  int64
}

// NewLoop has no line yet; the first turn begins to open it.
func NewLoop(link Link, name string, clock func() int64) *Loop {
	return &Loop{
		link: link, name: name, clock: clock, again: -1,
		chunks: make(chan chunk), done: make(chan func(int64), 64), opened: make(chan chunk, 1),
	}
}

// Do has a function run between two turns. It may be called from any goroutine.
func (l *Loop) Do(work func(now int64)) { l.done <- work }

// Turn does what is due, and waits for bytes, work or time, at most so long.
func (l *Loop) Turn(most time.Duration) {
	now := l.clock()
	if l.line == nil && l.again != 0 && now >= l.again {
		l.again = 0
		go func() {
			line, err := Open(l.name)
			l.opened <- chunk{line: line, err: err}
		}()
	}
	l.link.OnTimer(now)
	l.Flush()
	if due, isSet := l.link.NextTimer(); isSet {
		most = min(most, max(0, time.Duration(due-l.clock())*time.Millisecond))
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-timer.C:
	case work := <-l.done:
		work(l.clock())
	case item := <-l.opened:
		l.take(item)
	case item := <-l.chunks:
		l.feed(item)
	}
	l.Flush()
}

func (l *Loop) take(item chunk) {
	if item.err != nil {
		l.later()
		return
	}
	l.line = item.line
	go l.read(item.line)
	l.link.Opened(l.clock())
}

func (l *Loop) read(line io.ReadWriteCloser) {
	for {
		data := make([]byte, chunkBytes)
		size, err := line.Read(data)
		l.chunks <- chunk{line, data[:size], err}
		if err != nil {
			return
		}
	}
}

func (l *Loop) feed(item chunk) {
	if item.line != l.line {
		return
	}
	if len(item.data) > 0 {
		l.wait = 0
		l.link.Feed(item.data, l.clock())
	}
	if item.err != nil {
		l.Drop()
	}
}

// later opens again after 1, 2, 4 and at last 30 s (FRM-5).
func (l *Loop) later() {
	l.wait = min(max(2*l.wait, hispos.TimerRedialFirst), hispos.TimerRedialLast)
	l.again = l.clock() + l.wait
}

// Drop: the line is gone: the session with it, and no order. It is opened again.
func (l *Loop) Drop() {
	if l.line == nil {
		return
	}
	l.line.Close()
	l.line = nil
	l.link.Closed(l.clock())
	l.later()
}

// Flush writes what waits for the line.
func (l *Loop) Flush() {
	for data := l.link.PollTransmit(); data != nil; data = l.link.PollTransmit() {
		if l.line == nil {
			continue
		}
		if timed, isTimed := l.line.(interface{ SetWriteDeadline(time.Time) error }); isTimed {
			// A port without deadlines blocks, as its driver does.
			_ = timed.SetWriteDeadline(time.Now().Add(writeTime))
		}
		if _, err := l.line.Write(data); err != nil {
			l.Drop()
		}
	}
}

// Close closes the line.
func (l *Loop) Close() error {
	if l.line == nil {
		return nil
	}
	line := l.line
	l.line = nil
	if err := line.Close(); err != nil {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	return nil
}

// Package transport has thin lines around a link: TCP, serial ports, and the loop that moves bytes and time. It knows
// nothing of the protocol (framing, "The line").
package transport

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// open opens a line: tcp:HOST:PORT dials, serial:PATH is a port. A loop itself listens for listen:HOST:PORT.
func open(name string) (io.ReadWriteCloser, error) {
	kind, place, _ := strings.Cut(name, ":")
	switch kind {
	case "tcp":
		return net.DialTimeout("tcp", place, dialTime)
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
	// When a byte came last, and whether one came on this line.
	heardAt  int64
	hasBytes bool
	// Of a line that others dial, and the newest who waits for it, unread (FRM-8).
	listener net.Listener
	waiting  io.ReadWriteCloser
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
		l.open()
	}
	if l.waiting != nil && (l.line == nil || now >= l.heardAt+hispos.TimerSilent) {
		line := l.waiting
		l.waiting = nil
		l.Drop()
		l.begin(line)
	}
	l.link.OnTimer(now)
	l.Flush()
	if due, isSet := l.link.NextTimer(); isSet {
		most = min(most, max(0, time.Duration(due-l.clock())*time.Millisecond))
	}
	if l.waiting != nil {
		most = min(most, max(0, time.Duration(l.heardAt+hispos.TimerSilent-l.clock())*time.Millisecond))
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

func (l *Loop) open() {
	place, isAwaited := strings.CutPrefix(l.name, "listen:")
	switch {
	case !isAwaited:
		go func() {
			line, err := open(l.name)
			l.opened <- chunk{line: line, err: err}
		}()
	case l.listener == nil:
		listener, err := net.Listen("tcp", place)
		if err != nil {
			l.later()
			return
		}
		l.listener = listener
		go func() {
			for {
				line, err := listener.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				l.opened <- chunk{line: line, err: err}
			}
		}()
	}
}

func (l *Loop) take(item chunk) {
	if item.err != nil {
		l.later()
		return
	}
	if l.line == nil {
		l.begin(item.line)
		return
	}
	if l.waiting != nil {
		l.waiting.Close()
	}
	l.waiting = item.line
}

func (l *Loop) begin(line io.ReadWriteCloser) {
	l.line, l.heardAt, l.hasBytes = line, l.clock(), false
	go l.read(line)
	l.link.Opened(l.heardAt)
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
		l.wait, l.hasBytes, l.heardAt = 0, true, l.clock()
		l.link.Feed(item.data, l.heardAt)
	}
	if item.err != nil {
		l.Drop()
	}
}

// later opens again after a dial that failed, or that gave a stream without a byte (FRM-6, FRM-7).
func (l *Loop) later() {
	l.wait = min(max(2*l.wait, hispos.TimerRedialFirst), hispos.TimerRedialLast)
	l.again = l.clock() + l.wait/2 + rand.Int64N(l.wait/2+1)
}

// Drop: the line is gone: the session with it, and no order. It is opened again.
func (l *Loop) Drop() {
	if l.line == nil {
		return
	}
	l.line.Close()
	l.line = nil
	l.link.Closed(l.clock())
	if l.hasBytes {
		l.again = max(l.clock(), 1)
	} else {
		l.later()
	}
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
	if l.listener != nil {
		// Nothing is lost with it.
		_ = l.listener.Close()
	}
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

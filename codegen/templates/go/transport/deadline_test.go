package transport

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestALineThatTakesNothingAnyMoreFailsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		line := &deadlineLine{ReadWriteCloser: near}
		if err := line.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := line.Write([]byte{0}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if waited := time.Since(begin); waited != writeTime {
			t.Error(waited)
		}
		// What still waits ends with the line.
		if err := line.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestALineThatTakesBytesWritesThemAll(t *testing.T) {
	near, far := net.Pipe()
	line := &deadlineLine{ReadWriteCloser: near, deadline: time.Now().Add(writeTime)}
	read := make(chan []byte)
	go func() {
		data := make([]byte, 8)
		size, _ := far.Read(data)
		read <- data[:size]
	}()
	if size, err := line.Write([]byte("bytes")); size != 5 || err != nil {
		t.Error(size, err)
	}
	if data := <-read; string(data) != "bytes" {
		t.Errorf("%q", data)
	}
}

func TestTheBootClockRuns(t *testing.T) {
	first := BootClock()
	if second := BootClock(); first <= 0 || second < first {
		t.Error(first, second)
	}
}

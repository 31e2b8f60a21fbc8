//go:build windows || darwin

package transport

import (
	"io"
	"time"

	"go.bug.st/serial"

	"hispos-client/hispos"
)

// openSerial opens a port raw, 115200 baud, 8 data bits, no parity, 1 stop bit, and lets it settle (FRM-1 to FRM-4). Windows
// names it COM3, others by a path.
func openSerial(name string) (io.ReadWriteCloser, error) {
	port, err := serial.Open(name, &serial.Mode{BaudRate: 115_200, DataBits: 8})
	if err != nil {
		return nil, err
	}
	time.Sleep(hispos.TimerLineSettle * time.Millisecond)
	return &deadlineLine{ReadWriteCloser: port}, nil
}

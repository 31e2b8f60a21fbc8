//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// cable carries bytes between the two ends, and can be pulled.
type cable interface {
	pull()
	plug()
}

// tcpCable takes the streams of who dials on to who listens.
type tcpCable struct {
	to       string
	listener net.Listener
	lock     sync.Mutex
	isPulled bool
	ends     []net.Conn
}

func newTCPCable(to string) (*tcpCable, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	made := &tcpCable{to: to, listener: listener}
	go made.accept()
	return made, nil
}

func (c *tcpCable) accept() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			near.Close()
			continue
		}
		c.lock.Lock()
		c.ends = append(c.ends, near, far)
		isPulled := c.isPulled
		c.lock.Unlock()
		if isPulled {
			near.Close()
			far.Close()
		}
		go carry(near, far)
		go carry(far, near)
	}
}

func carry(from, to net.Conn) {
	// However it ends, both ends are gone.
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

func (c *tcpCable) pull() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.isPulled = true
	for _, end := range c.ends {
		end.Close()
	}
	c.ends = nil
}

func (c *tcpCable) plug() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.isPulled = false
}

// serialCable joins two pseudo-terminals: a port at each end.
type serialCable struct {
	ports    [2]string
	lock     sync.Mutex
	isPulled bool
}

func newSerialCable() (*serialCable, error) {
	made := &serialCable{}
	var masters [2]*os.File
	for at := range masters {
		master, port, err := openPseudoTerminal()
		if err != nil {
			return nil, err
		}
		masters[at], made.ports[at] = master, port
	}
	go made.carry(masters[0], masters[1])
	go made.carry(masters[1], masters[0])
	return made, nil
}

func (c *serialCable) carry(from, to *os.File) {
	data := make([]byte, 4096)
	for {
		size, err := from.Read(data)
		if err != nil {
			return
		}
		c.lock.Lock()
		isPulled := c.isPulled
		c.lock.Unlock()
		if !isPulled {
			// Who does not read loses bytes, as on a cable.
			_, _ = to.Write(data[:size])
		}
	}
}

func (c *serialCable) pull() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.isPulled = true
}

func (c *serialCable) plug() {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.isPulled = false
}

// openPseudoTerminal gives the master and the path of the port, which stays open so that nobody's end hangs it up.
func openPseudoTerminal() (*os.File, string, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, "", err
	}
	var locked, number int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(argument)))
		if failed != 0 {
			return nil, "", os.NewSyscallError("ioctl", failed)
		}
	}
	port := fmt.Sprintf("/dev/pts/%d", number)
	held, err := os.OpenFile(port, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, "", err
	}
	keptOpen = append(keptOpen, held)
	return master, port, nil
}

var keptOpen []*os.File

package transport

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"hispos-client/hispos"
)

// openSerial opens a port raw, 115200 baud, 8 data bits, no parity, 1 stop bit, and lets it settle (FRM-1 to FRM-4).
func openSerial(path string) (io.ReadWriteCloser, error) {
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := setRaw(file); err != nil {
		file.Close()
		return nil, err
	}
	time.Sleep(hispos.TimerLineSettle * time.Millisecond)
	return file, nil
}

func setRaw(file *os.File) error {
	port, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed syscall.Errno
	err = port.Control(func(descriptor uintptr) {
		settings := syscall.Termios{}
		if failed = ioctl(descriptor, syscall.TCGETS, &settings); failed != 0 {
			return
		}
		settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
		settings.Cflag = syscall.CS8 | syscall.CREAD | syscall.CLOCAL | syscall.B115200
		settings.Ispeed, settings.Ospeed = syscall.B115200, syscall.B115200
		settings.Cc[syscall.VMIN], settings.Cc[syscall.VTIME] = 1, 0
		failed = ioctl(descriptor, syscall.TCSETS, &settings)
	})
	if err == nil && failed != 0 {
		err = os.NewSyscallError("ioctl", failed)
	}
	return err
}

func ioctl(descriptor, request uintptr, settings *syscall.Termios) syscall.Errno {
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, descriptor, request, uintptr(unsafe.Pointer(settings)))
	return failed
}

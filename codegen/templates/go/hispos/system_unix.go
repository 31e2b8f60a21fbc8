//go:build linux || darwin

package hispos

import (
	"os"
	"syscall"
)

// What a book's file needs of a Unix.

// lockFile fails if another process has the lock.
func lockFile(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// syncFolder makes a file's name durable, too.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// FreeSpace gives the bytes that this program may still write where the book lies (ORD-92).
func (f *FileStorage) FreeSpace() (uint64, error) {
	var found syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.file.Fd()), &found); err != nil {
		return 0, err
	}
	return uint64(found.Bavail) * uint64(found.Bsize), nil
}

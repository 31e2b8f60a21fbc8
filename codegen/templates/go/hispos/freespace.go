//go:build linux || darwin || freebsd

package hispos

import "syscall"

// FreeSpace gives the bytes that this program may still write where the book lies (ORD-92).
func (f *FileStorage) FreeSpace() (uint64, error) {
	var found syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.file.Fd()), &found); err != nil {
		return 0, err
	}
	return uint64(found.Bavail) * uint64(found.Bsize), nil
}

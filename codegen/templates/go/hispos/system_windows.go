package hispos

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// What a book's file needs of Windows.

// lockFile fails if another process has the lock. It is on a place behind all records, so that a backup can read them.
func lockFile(file *os.File) error {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	behind := windows.Overlapped{OffsetHigh: 1 << 30}
	return windows.LockFileEx(windows.Handle(file.Fd()), how, 0, 1, 0, &behind)
}

// syncFolder has nothing to do: the file system's own journal has the name when the file is flushed.
func syncFolder(string) error { return nil }

// FreeSpace gives the bytes that this program may still write where the book lies (ORD-92).
func (f *FileStorage) FreeSpace() (uint64, error) {
	folder, err := windows.UTF16PtrFromString(filepath.Dir(f.file.Name()))
	if err != nil {
		return 0, err
	}
	var free uint64
	return free, windows.GetDiskFreeSpaceEx(folder, &free, nil, nil)
}

//go:build unix && !(linux || darwin || freebsd)

package hispos

import "errors"

// FreeSpace cannot be told here: the program asks its system by itself (ORD-92).
func (f *FileStorage) FreeSpace() (uint64, error) { return 0, errors.ErrUnsupported }

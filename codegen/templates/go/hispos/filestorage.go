package hispos

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// FileStorage is a book in one file, in the form of an export (BOK-52). The last record of a batch says that it is
// whole.
type FileStorage struct {
	file *os.File
	next uint64
}

type fileLine struct {
	Seq    uint64 `json:"seq"`
	Head   string `json:"head"`
	Record string `json:"record"`
	Whole  bool   `json:"whole,omitempty"`
}

var wholeEnding = []byte(`"whole":true}` + "\n")

// OpenFileStorage takes the lock of the file, and fails if another process has it.
func OpenFileStorage(path string) (*FileStorage, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s is in use: %w", path, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		file.Close()
		return nil, err
	}
	return &FileStorage{file: file, next: 1}, nil
}

// Load gives every record of whole batches; what a kill left of an unfinished one is cut off.
func (f *FileStorage) Load() ([]Stored, error) {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(bufio.NewReader(f.file))
	if err != nil {
		return nil, err
	}
	whole, end := wholeBatches(data)
	if bytes.Contains(data[end:], wholeEnding) {
		return nil, BrokenBook{uint64(len(whole) + 1), "not canonical"}
	}
	if end < len(data) {
		if err := f.file.Truncate(int64(end)); err != nil {
			return nil, err
		}
		if err := f.file.Sync(); err != nil {
			return nil, err
		}
	}
	f.next = uint64(len(whole) + 1)
	_, err = f.file.Seek(int64(end), io.SeekStart)
	return whole, err
}

// wholeBatches gives the records of whole batches from the begin of a file, and where they end.
func wholeBatches(data []byte) (whole []Stored, end int) {
	var pending []Stored
	for at := 0; at < len(data); {
		size := bytes.IndexByte(data[at:], '\n') + 1
		var line fileLine
		if size == 0 || json.Unmarshal(data[at:at+size], &line) != nil {
			break
		}
		record, err := hex.DecodeString(line.Record)
		head, headErr := hex.DecodeString(line.Head)
		if err != nil || headErr != nil {
			break
		}
		at += size
		pending = append(pending, Stored{record, head})
		if line.Whole {
			whole, pending, end = append(whole, pending...), nil, at
		}
	}
	return whole, end
}

// Append writes a batch and waits until the disk has it.
func (f *FileStorage) Append(batch []Stored) error {
	var text bytes.Buffer
	for at, stored := range batch {
		line := fileLine{f.next, hex.EncodeToString(stored.Head), hex.EncodeToString(stored.Record), at == len(batch)-1}
		f.next++
		encoded, err := json.Marshal(line)
		if err != nil {
			return err
		}
		text.Write(append(encoded, '\n'))
	}
	if _, err := f.file.Write(text.Bytes()); err != nil {
		return err
	}
	return f.file.Sync()
}

// Close gives the lock back.
func (f *FileStorage) Close() error { return f.file.Close() }

// Memory is a storage that is gone with the program.
type Memory struct{ Records []Stored }

// Load gives every record.
func (m *Memory) Load() ([]Stored, error) { return m.Records, nil }

// Append keeps a batch.
func (m *Memory) Append(batch []Stored) error {
	m.Records = append(m.Records, batch...)
	return nil
}

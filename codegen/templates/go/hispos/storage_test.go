package hispos

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pb "hispos-client/internal/messages"
)

// A program that is killed while it writes: what it was told is durable is there afterwards, as whole batches.

const writerVariable = "HISPOS_TEST_WRITER"

// TestWriter is no test: it is the program that is killed. It says the number of each batch behind its append.
func TestWriter(t *testing.T) {
	path := os.Getenv(writerVariable)
	if path == "" {
		t.Skip("the kill test starts this")
	}
	storage, err := OpenFileStorage(path)
	if err != nil {
		t.Fatal(err)
	}
	book, err := OpenBook(storage)
	if err != nil {
		t.Fatal(err)
	}
	if book.IsNew() {
		if err := book.begin(make([]byte, 8), 1); err != nil {
			t.Fatal(err)
		}
	}
	for number := len(book.keys(pb.Table_TABLE_PROGRAM)) / 2; ; number++ {
		row := func(half string) write {
			key := fmt.Sprintf("%d/%s", number, half)
			return write{rowKey{pb.Table_TABLE_PROGRAM, key}, []byte(strings.Repeat(half, 400))}
		}
		if err := book.commit(nil, []write{row("a"), row("b")}, 1); err != nil {
			t.Fatal(err)
		}
		fmt.Println("durable", number)
	}
}

func TestWhatIsDurableSurvivesAKillAndNoBatchIsHalf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.jsonl")
	told := -1
	for run := range 12 {
		program := exec.Command(os.Args[0], "-test.run=^TestWriter$")
		program.Env = append(os.Environ(), writerVariable+"="+path)
		output, err := program.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for count := 0; count < 5+3*run && lines.Scan(); count++ {
			if number, isTold := strings.CutPrefix(lines.Text(), "durable "); isTold {
				if told, err = strconv.Atoi(number); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := program.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if number, isTold := strings.CutPrefix(lines.Text(), "durable "); isTold {
				// A line that the kill cut in two is not counted.
				if read, err := strconv.Atoi(number); err == nil && read == told+1 {
					told = read
				}
			}
		}
		// It was killed.
		_ = program.Wait()
		storage, err := OpenFileStorage(path)
		if err != nil {
			t.Fatal(err)
		}
		book, err := OpenBook(storage)
		if err != nil {
			t.Fatal(err)
		}
		keys := book.keys(pb.Table_TABLE_PROGRAM)
		if len(keys)%2 != 0 || len(keys)/2 < told+1 {
			t.Fatalf("%d rows, and %d batches were durable", len(keys), told+1)
		}
		if err := storage.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if told < 12 {
		t.Errorf("only %d batches", told)
	}
}

func TestABookHasOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.jsonl")
	first, err := OpenFileStorage(path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if free, err := first.FreeSpace(); err == nil && free == 0 {
		t.Error("no room")
	}
	if _, err := OpenFileStorage(path); err == nil {
		t.Error("a second one opens it")
	}
}

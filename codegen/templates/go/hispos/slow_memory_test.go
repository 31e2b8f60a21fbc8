package hispos

import (
	"errors"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// slowMemory is a storage that can be made to fail, and to be late.
type slowMemory struct {
	Memory
	isFailing, isLate bool
	// It is late from this append on, counted from now; 0: none.
	lateFrom int
	// The happening that ends it, and the first record that was late.
	until, lateAt int
}

func (s *slowMemory) Append(batch []Stored) error {
	if s.isFailing {
		return errors.New("the disk is full")
	}
	if s.lateFrom > 0 {
		s.lateFrom--
		s.isLate = s.lateFrom == 0
		s.lateAt = len(s.Records)
	}
	return s.Memory.Append(batch)
}

// IsDurable tells whether it is not late.
func (s *slowMemory) IsDurable() bool { return !s.isLate }

// late is when a storage is late: from which append on, counted from the input, and the happening that answers, 0 without
// one. A question for rows, which this client never asks, makes it late before the input: from is 0 then.
type late struct{ from, until int }

// arm makes it late at an input, as the file has it.
func (s *slowMemory) arm(inputs map[int]late, input int) {
	if late, isLate := inputs[input]; isLate {
		s.lateFrom, s.isLate, s.until, s.lateAt = late.from, late.from == 0, late.until, len(s.Records)
	}
}

// release: an answer of the book came; whether it is the one that was late.
func (s *slowMemory) release(at int) bool {
	wasLate := s.isLate && s.until == at
	s.isLate = s.isLate && !wasLate
	return wasLate
}

// restamp: the book of the file notes the time at which it stores, and this client's the time at which it gives.
func (s *slowMemory) restamp(book *Book, unix uint64) error {
	for at := s.lateAt; at < len(s.Records); at++ {
		record := &pb.BookRecord{}
		if err := proto.Unmarshal(s.Records[at].Record, record); err != nil {
			return err
		}
		record.At = unix
		data := encode(record)
		s.Records[at] = Stored{data, headBehind(book.heads[at-1], data)}
		book.heads[at] = s.Records[at].Head
	}
	return nil
}

var isAnswerOfBook = map[string]bool{"loaded": true, "persisted": true, "persist_failed": true}

// lateAppends gives the inputs whose question to the book has its answer behind another input, or never.
func lateAppends(happenings []values) map[int]late {
	found := map[int]late{}
	// The latest input, how many batches it has stored, and the input whose question is late.
	input, count, asked, isWaiting, isLate := 0, 0, "", false, -1
	note := func() {
		if !isWaiting || isLate >= 0 {
			return
		}
		isLate = input
		found[input] = late{}
		if asked == "persist" {
			found[input] = late{from: count}
		}
	}
	for at, happening := range happenings {
		for name := range happening.object("out") {
			if name != "load" && name != "persist" {
				continue
			}
			asked, isWaiting = name, true
			if name == "persist" {
				count++
			}
		}
		for name := range happening.object("in") {
			if !isAnswerOfBook[name] {
				note()
				input, count = at, 0
				continue
			}
			isWaiting = false
			if isLate >= 0 {
				found[isLate] = late{found[isLate].from, at}
				isLate = -1
			}
		}
	}
	note()
	return found
}

// willFail tells whether the next answer of the storage is a failure.
func willFail(happenings []values) bool {
	for _, happening := range happenings {
		in := happening.object("in")
		if in.has("persisted") || in.has("start") {
			return false
		}
		if in.has("persist_failed") {
			return true
		}
	}
	return false
}

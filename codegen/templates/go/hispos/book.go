package hispos

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// A book is a chain of records that is only appended to, each holding the newest state of one row (books).

const (
	startKey    = "start"
	anchorBytes = 24
	bookIDBytes = 8
	headBytes   = 32
)

// ErrStale: a row that a batch had read has changed: nothing was written, the step is to be run again (ORD-11).
var ErrStale = errors.New("a row has changed since it was read")

// BrokenBook is a book that is not what it was; Seq is the first record that fails (BOK-47).
type BrokenBook struct {
	Seq    uint64
	Reason string
}

func (b BrokenBook) Error() string { return fmt.Sprintf("record %d: %s", b.Seq, b.Reason) }

// Stored is a record's bytes, and the head behind it.
type Stored struct{ Record, Head []byte }

// Storage is where a book lies. What it has appended survives a power cut (BOK-7).
type Storage interface {
	// Load gives every record, from the first.
	Load() ([]Stored, error)
	// Append makes a batch durable as a whole, or fails and leaves none of it (BOK-5). Nothing that the batch caused
	// goes out before it returns.
	Append(batch []Stored) error
}

// LateStorage is a Storage whose Append may return before the batch is durable, as one that writes in a goroutine of its
// own does. While IsDurable says no, links hold back what rests on the batch; when it says yes again, the program calls
// their Persisted. A batch that can never be made durable ends the program, which starts anew (ORD-10).
type LateStorage interface {
	Storage
	IsDurable() bool
}

// rowKey is table and key of a row.
type rowKey struct {
	table pb.Table
	key   string
}

// write is a row as a batch writes it.
type write struct {
	rowKey
	row []byte
}

type versioned struct {
	seq uint64
	row []byte
}

type bookStart struct {
	seq uint64
	id  []byte
}

func headBehind(before, record []byte) []byte {
	return sha256Of([]byte(LabelRecord), []byte{0}, before, record)
}

// Book is rows and chain of one book, over a storage. One process writes (BOK-9).
type Book struct {
	storage Storage
	heads   [][]byte
	rows    map[rowKey]versioned
	// Rows in the order of their first records.
	order  []rowKey
	starts []bookStart
	// A failed append: the program goes on only as one that has just started (ORD-10).
	broken error
	// How many records are known to be durable.
	durable int
	// Told of each batch behind its append.
	onCommit func([]write)
}

// OpenBook loads and verifies everything (BOK-51), or says BrokenBook.
func OpenBook(storage Storage) (*Book, error) {
	book := &Book{storage: storage, rows: map[rowKey]versioned{}}
	stored, err := storage.Load()
	if err != nil {
		return nil, err
	}
	for _, item := range stored {
		if err := book.verify(item); err != nil {
			return nil, err
		}
	}
	book.durable = len(book.heads)
	return book, nil
}

// isDurable tells whether everything that was appended is durable.
func (b *Book) isDurable() bool {
	late, isLate := b.storage.(LateStorage)
	if isLate && !late.IsDurable() {
		return false
	}
	b.durable = len(b.heads)
	return true
}

func (b *Book) head() []byte {
	if len(b.heads) == 0 {
		return make([]byte, headBytes)
	}
	return b.heads[len(b.heads)-1]
}

// verify takes the next record of a chain (BOK-47, BOK-48).
func (b *Book) verify(item Stored) error {
	seq := uint64(len(b.heads) + 1)
	record := &pb.BookRecord{}
	if err := parseStrict(item.Record, record); err != nil {
		return BrokenBook{seq, "not canonical"}
	}
	if record.Seq != seq {
		return BrokenBook{seq, "sequence number"}
	}
	if !bytes.Equal(headBehind(b.head(), item.Record), item.Head) {
		return BrokenBook{seq, "head"}
	}
	isStart := record.Table == pb.Table_TABLE_BOOK
	if (seq == 1 || isStart) && (!isStart || bookIDOf(record) == nil) {
		return BrokenBook{seq, "no BookStart"}
	}
	b.take(record, item.Head)
	return nil
}

// bookIDOf gives the book id of a BookStart row; nil if the record has none (BOK-48).
func bookIDOf(record *pb.BookRecord) []byte {
	start := &pb.BookStart{}
	err := proto.Unmarshal(record.Row, start)
	if err != nil || record.Key != startKey || len(start.Book) != bookIDBytes {
		return nil
	}
	return start.Book
}

func (b *Book) take(record *pb.BookRecord, head []byte) {
	key := rowKey{record.Table, record.Key}
	b.heads = append(b.heads, head)
	if _, isKnown := b.rows[key]; !isKnown {
		b.order = append(b.order, key)
	}
	b.rows[key] = versioned{record.Seq, record.Row}
	if record.Table == pb.Table_TABLE_BOOK {
		b.starts = append(b.starts, bookStart{record.Seq, bookIDOf(record)})
	}
}

// IsNew tells whether it has no record yet.
func (b *Book) IsNew() bool { return len(b.heads) == 0 }

// begin writes the first record, under 8 random bytes (BOK-19, BOK-20).
func (b *Book) begin(id []byte, unix uint64) error {
	start := encode(&pb.BookStart{Book: id})
	return b.commit(nil, []write{{rowKey{pb.Table_TABLE_BOOK, startKey}, start}}, unix)
}

// id is that of the book's latest start.
func (b *Book) id() []byte { return b.starts[len(b.starts)-1].id }

// get gives the newest state of a row, nil if it was never written.
func (b *Book) get(table pb.Table, key string) []byte { return b.rows[rowKey{table, key}].row }

func (b *Book) has(table pb.Table, key string) bool { return b.version(table, key) > 0 }

// version is the sequence number of a row's latest record, 0 if it was never written.
func (b *Book) version(table pb.Table, key string) uint64 { return b.rows[rowKey{table, key}].seq }

// keys are those of a table in the order of their first records (BOK-10).
func (b *Book) keys(table pb.Table) []string {
	var found []string
	for _, key := range b.order {
		if key.table == table {
			found = append(found, key.key)
		}
	}
	return found
}

// commit appends a batch, durable as a whole, or ErrStale (BOK-6).
func (b *Book) commit(reads map[rowKey]uint64, writes []write, unix uint64) error {
	if b.broken != nil {
		return b.broken
	}
	for key, version := range reads {
		if b.version(key.table, key.key) != version {
			return ErrStale
		}
	}
	if len(writes) == 0 {
		return nil
	}
	before := b.head()
	var batch []Stored
	var records []*pb.BookRecord
	for at, item := range writes {
		seq := uint64(len(b.heads) + at + 1)
		record := &pb.BookRecord{Seq: seq, Table: item.table, Key: item.key, Row: item.row, At: unix}
		data := encode(record)
		if err := validate("BookRecord", data); err != nil {
			return err
		}
		before = headBehind(before, data)
		batch = append(batch, Stored{data, before})
		records = append(records, record)
	}
	if err := b.storage.Append(batch); err != nil {
		b.broken = fmt.Errorf("the book cannot be written: %w", err)
		return b.broken
	}
	for at, record := range records {
		b.take(record, batch[at].Head)
	}
	b.isDurable()
	if b.onCommit != nil {
		b.onCommit(writes)
	}
	return nil
}

// Anchor is that of the latest durable record (BOK-17, BOK-18). A book whose first record is not durable has none yet.
func (b *Book) Anchor() []byte {
	b.isDurable()
	if b.durable == 0 {
		return nil
	}
	anchor := slices.Clone(b.id())
	anchor = binary.BigEndian.AppendUint64(anchor, uint64(b.durable))
	return append(anchor, b.heads[b.durable-1][:8]...)
}

// containment of an anchor (BOK-22).
const (
	contained = "contained"
	declared  = "declared"
	missing   = "missing"
)

// containment tells whether an anchor is contained, declared or missing (BOK-22).
func (b *Book) containment(anchor []byte) string {
	if len(anchor) != anchorBytes {
		return contained
	}
	seq := binary.BigEndian.Uint64(anchor[bookIDBytes:])
	at := slices.IndexFunc(b.starts, func(start bookStart) bool { return bytes.Equal(start.id, anchor[:bookIDBytes]) })
	switch {
	case at < 0:
		return missing
	case at+1 < len(b.starts) && seq > b.starts[at+1].seq-1:
		return declared
	case seq >= 1 && seq <= uint64(len(b.heads)) && bytes.Equal(b.heads[seq-1][:8], anchor[16:]):
		return contained
	}
	return missing
}

// isNewerAnchor tells whether an anchor is to be stored over another one (ORD-69).
func isNewerAnchor(anchor, held []byte) bool {
	if len(anchor) != anchorBytes {
		return false
	}
	isSameBook := len(held) == anchorBytes && bytes.Equal(anchor[:bookIDBytes], held[:bookIDBytes])
	return !isSameBook || bytes.Compare(anchor[bookIDBytes:16], held[bookIDBytes:16]) > 0
}

// Driver lets the simulator of hispos drive this client, as HIS or as POS: the driver interface, version 1, with a book of
// its own. It speaks lines of JSON over standard input and standard output.
//
//	hispos-sim lives 500 --his ./driver
//	hispos-sim lives 500 --pos ./driver
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"hispos-client/hispos"
)

const (
	version = 1
	book    = "own"
	hisRole = "his"
	posRole = "pos"
)

// can are the commands that each role takes.
var can = map[string][]string{
	// only: his
	hisRole: {
		"collect", "refund", "cancel", "query", "look_up", "pull", "totals", "refresh", "posted", "adopt", "decide",
		"go_on_without",
	},
	// only: end
	// only: pos
	posRole: {"scan"},
	// only: end
}

func main() {
	program := &program{reader: bufio.NewReader(os.Stdin), writer: bufio.NewWriter(os.Stdout)}
	if err := program.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	errRestart = errors.New("the program run is over")
	errStore   = errors.New("the store could not")
)

// side is a HIS or a POS of one program run.
type side interface {
	// take is one input. A refused command gives a hispos.Refusal.
	take(line *line) error
	// collect gives what was said since the last time.
	collect() []output
	// ticks are the instants at which the links have something to do.
	ticks() []*int64
	// isHalted: the book could not be written.
	isHalted() bool
}

// program is one process: it lives through many program runs.
type program struct {
	reader *bufio.Reader
	writer *bufio.Writer
	role   string
	line   *line
	out    []output
	side   side
	// The link that stores, where the line is about the whole program.
	storing *int
	// What came in place of an answer of the store.
	restart  *line
	persists uint64
	isHalted bool
}

// run goes on until the end of the input.
func (p *program) run() error {
	for {
		next := p.restart
		p.restart = nil
		if next == nil {
			read, err := p.next()
			if err != nil {
				return err
			}
			next = read
		}
		if next.Do == "end" {
			return nil
		}
		p.line, p.out, p.storing = next, nil, next.Desk
		said := p.take()
		if p.restart != nil {
			continue
		}
		if err := p.say(said); err != nil {
			return err
		}
	}
}

func (p *program) next() (*line, error) {
	text, err := p.reader.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) == 0 {
		return &line{Do: "end"}, nil
	}
	if err != nil {
		return nil, err
	}
	read := &line{}
	return read, json.Unmarshal(text, read)
}

func (p *program) say(said answer) error {
	said.N = p.line.N
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	if _, err := p.writer.Write(append(text, '\n')); err != nil {
		return err
	}
	return p.writer.Flush()
}

// take does one line, and gives its answer.
func (p *program) take() answer {
	switch {
	case p.line.Do == "hello":
		return p.hello()
	case p.line.Do == "start":
		p.isHalted, p.persists, p.side = false, 0, nil
		made, err := p.begin()
		if err != nil {
			return p.failed(err)
		}
		p.side = made
	case p.side == nil || p.isHalted:
		return answer{Halted: p.isHalted}
	default:
		err := p.side.take(p.line)
		if refusal := (hispos.Refusal{}); errors.As(err, &refusal) {
			return p.answer(refusal.Reason)
		}
		if err != nil {
			return p.failed(err)
		}
	}
	return p.answer("")
}

func (p *program) answer(refused string) answer {
	p.isHalted = p.side.isHalted()
	if p.isHalted {
		return answer{Halted: true}
	}
	p.out = append(p.out, p.side.collect()...)
	return answer{Out: p.out, Ticks: p.side.ticks(), Refused: refused}
}

// failed tells of an error; a store that could not is none, and halts.
func (p *program) failed(err error) answer {
	if errors.Is(err, errStore) {
		p.isHalted = true
		return answer{Halted: true}
	}
	return answer{Error: err.Error()}
}

func (p *program) hello() answer {
	p.role = p.line.Role
	said := answer{Driver: version, Name: "hispos Go client", Role: p.role, Book: book, Can: can[p.role]}
	switch {
	case said.Can == nil:
		said.Error = "this program does not have that role"
	case p.line.Driver != version:
		said.Error = "this program speaks version 1 of the driver"
	}
	return said
}

func (p *program) begin() (side, error) {
	switch p.role {
	// only: his
	case hisRole:
		return newHisSide(p)
	// only: end
	// only: pos
	case posRole:
		return newPosSide(p)
		// only: end
	}
	return nil, errors.New("no role")
}

func (p *program) unix() uint64 {
	if p.line.Unix == nil {
		return 0
	}
	return *p.line.Unix
}

// openBook opens the book of a program run over the simulator's store.
func (p *program) openBook() (*hispos.Book, error) {
	store := &store{program: p, next: 1}
	for _, item := range p.line.Book.Records {
		store.stored = append(store.stored, hispos.Stored{Record: item.Record, Head: item.Head})
		store.next++
	}
	return hispos.OpenBook(store)
}

// store is the simulator's: Append gives what was said so far and the records, and waits for the answer.
type store struct {
	program *program
	stored  []hispos.Stored
	next    uint64
}

// Load gives every record.
func (s *store) Load() ([]hispos.Stored, error) { return s.stored, nil }

// Append makes a batch durable.
func (s *store) Append(batch []hispos.Stored) error {
	var records []record
	for at, item := range batch {
		records = append(records, record{s.next + uint64(at), item.Head, item.Record})
	}
	if err := s.program.persist(records); err != nil {
		return err
	}
	s.next += uint64(len(batch))
	return nil
}

func (p *program) persist(records []record) error {
	if p.restart != nil {
		return errRestart
	}
	if p.side != nil {
		p.out = append(p.out, p.side.collect()...)
	}
	p.persists++
	persist := output{"is": "persist", "id": p.persists, "records": records}
	if p.storing != nil {
		persist["desk"] = *p.storing
	}
	if err := p.say(answer{Out: append(p.out, persist)}); err != nil {
		return err
	}
	p.out = nil
	next, err := p.next()
	if err != nil {
		return err
	}
	isAnswer := (next.Do == "persisted" || next.Do == "persist_failed") && next.ID == p.persists
	if !isAnswer {
		p.restart = next
		return errRestart
	}
	p.line.N = next.N
	if next.Do == "persist_failed" {
		return errStore
	}
	return nil
}

// Package terminal is a payment terminal: one link, its journal in a file, its line, and its payment code.
package terminal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
	"hispos-client/transport"
)

const (
	turn       = 500 * time.Millisecond
	// Room for the end of every order that has not ended (ORD-92).
	reserve    = 16 << 20
	bootIDFile = "/proc/sys/kernel/random/boot_id"
)

// Terminal is one terminal and its line.
type Terminal struct {
	Link     *hispos.PosLink
	adapters map[hispos.Merchant]hispos.Adapter
	storage  *hispos.FileStorage
	loop     *transport.Loop
	// Tell gets every event.
	Tell func(hispos.Event)
}

// boot gives 16 bytes that all programs of one boot share, or fresh ones where the system has none (ORD-57).
func boot() []byte {
	text, err := os.ReadFile(bootIDFile)
	var id []byte
	if err == nil {
		_, err = fmt.Sscanf(strings.ReplaceAll(string(text), "-", ""), "%x", &id)
	}
	if err != nil || len(id) != 16 {
		return desk.Draw(16)
	}
	return id
}

// Open verifies the files of a folder, loads the journal, and names the line.
func Open(home, line string, adapters map[hispos.Merchant]hispos.Adapter) (*Terminal, error) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			// What cannot be read is not usable below.
			return nil
		}
		return data
	}
	crypto := hispos.Standard{}
	agreement, err := hispos.ReadAgreement(crypto, read("agreement.hispos"))
	if err != nil {
		return nil, err
	}
	if !agreement.Simulated {
		return nil, hispos.Refusal{
			Reason: hispos.ReasonOther, Text: "this example takes simulated agreements only",
		}
	}
	terminals, err := hispos.ReadTerminals(crypto, read("terminals.hispos"), agreement)
	if err != nil {
		return nil, err
	}
	key := read("device.key")
	if len(key) != 32 {
		return nil, errors.New("device.key has 32 bytes")
	}
	storage, err := hispos.OpenFileStorage(filepath.Join(home, "journal.jsonl"))
	if err != nil {
		return nil, err
	}
	journal, err := hispos.OpenBook(storage)
	if err != nil {
		return nil, err
	}
	if err := hispos.BeginJournal(journal, desk.Draw(8), desk.Unix()); err != nil {
		return nil, err
	}
	var merchants []hispos.Merchant
	for merchant := range adapters {
		if merchant.Simulated == agreement.Simulated {
			merchants = append(merchants, merchant)
		}
	}
	link, err := hispos.NewPosLink(hispos.PosConfig{
		End:  hispos.NewEnd(crypto, strings.TrimSpace(string(read("device.id"))), key, terminals.Registry()),
		Boot: boot(), Software: "hispos example 1", Agreements: []*hispos.Agreement{agreement}, Terminals: terminals,
		Merchants: merchants, Draw: desk.Draw, Unix: desk.Unix, Journal: journal,
	}, transport.BootClock())
	if err != nil {
		return nil, err
	}
	return &Terminal{
		Link: link, adapters: adapters, storage: storage,
		loop: transport.NewLoop(link, line, transport.BootClock), Tell: func(hispos.Event) {},
	}, nil
}

// Serve serves until the journal cannot be written, or stop is closed.
func (t *Terminal) Serve(stop <-chan struct{}) error {
	for t.Link.Err() == nil {
		select {
		case <-stop:
			return t.close()
		default:
		}
		free, err := t.storage.FreeSpace()
		t.Link.SetRoom(err == nil && free >= reserve)
		t.loop.Turn(turn)
		for ask, isAsked := t.Link.PollAsk(); isAsked; ask, isAsked = t.Link.PollAsk() {
			go t.carryOut(ask)
		}
		for event := t.Link.PollEvent(); event != nil; event = t.Link.PollEvent() {
			t.Tell(event)
		}
		t.loop.Flush()
	}
	return t.Link.Err()
}

func (t *Terminal) carryOut(ask hispos.Ask) {
	verdict := hispos.CarryOut(t.adapters[ask.Merchant], ask, transport.BootClock)
	t.loop.Do(func(now int64) { t.Link.Answer(verdict, now) })
}

// Do has a function run between two turns, as what a person does at the terminal. Any goroutine may call it.
func (t *Terminal) Do(work func(now int64)) { t.loop.Do(work) }

func (t *Terminal) close() error {
	t.Link.Close(transport.BootClock())
	t.loop.Flush()
	return errors.Join(t.loop.Close(), t.storage.Close())
}

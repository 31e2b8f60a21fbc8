// Package desk is a cashier's window: one link, its ledger in a file, and its line.
package desk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hispos-client/hispos"
	pb "hispos-client/internal/messages"
	"hispos-client/transport"
)

// How an order went, as exit codes.
const (
	Done         = 0
	Usage        = 2
	Refused      = 3
	Unknown      = 4
	NotReachable = 5
)

const turn = 500 * time.Millisecond

// Desk is one window and its device.
type Desk struct {
	Ledger  *hispos.Ledger
	Link    *hispos.HisLink
	storage *hispos.FileStorage
	loop    *transport.Loop
	// Tell gets every event.
	Tell func(hispos.Event)
}

// Open verifies the files of a folder, loads the ledger, and names the line.
func Open(home, line string) (*Desk, error) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			data = nil
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
	devices, err := hispos.ReadDevices(crypto, read("devices.hispos"), agreement)
	if err != nil {
		return nil, err
	}
	key, secret := read("terminal.key"), read("site.secret")
	if len(key) != 32 || len(secret) != 32 {
		return nil, errors.New("terminal.key and site.secret have 32 bytes each")
	}
	storage, err := hispos.OpenFileStorage(filepath.Join(home, "ledger.jsonl"))
	if err != nil {
		return nil, err
	}
	book, err := hispos.OpenBook(storage)
	if err != nil {
		return nil, err
	}
	site := &hispos.Site{Agreements: []*hispos.Agreement{agreement}, Devices: devices, Secret: secret}
	ledger, err := hispos.OpenLedger(book, site, crypto, Unix, Draw(8))
	if err != nil {
		return nil, err
	}
	if err := ledger.BeginRun(transport.BootClock()); err != nil {
		return nil, err
	}
	end := hispos.NewEnd(crypto, strings.TrimSpace(string(read("terminal.id"))), key, devices.Registry())
	device := strings.TrimSpace(string(read("device.id")))
	link := hispos.NewHisLink(end, device, Draw, ledger)
	return &Desk{
		Ledger: ledger, Link: link, storage: storage,
		loop: transport.NewLoop(link, line, transport.BootClock), Tell: func(hispos.Event) {},
	}, nil
}

// Run is the whole driver: bytes in, bytes out, events, time. It tells whether the event came within the time.
func (d *Desk) Run(until func(hispos.Event) bool, most time.Duration) bool {
	for end := time.Now().Add(most); time.Now().Before(end) && d.Link.Err() == nil; {
		d.loop.Turn(turn)
		for event := d.Link.PollEvent(); event != nil; event = d.Link.PollEvent() {
			d.Tell(event)
			if until(event) {
				d.loop.Flush()
				return true
			}
		}
	}
	return false
}

// Pay makes or names an order once the link is ready, and waits for its end: an exit code, and what the cashier reads.
func (d *Desk) Pay(make func(now int64) (string, error), most time.Duration) (int, string) {
	isReady := func(event hispos.Event) bool { return event == hispos.Event(hispos.Ready{}) }
	if !d.Link.IsReady() && !d.Run(isReady, 30*time.Second) {
		return NotReachable, "the terminal does not answer"
	}
	number, err := make(transport.BootClock())
	if err != nil {
		return Refused, err.Error()
	}
	isEnd := func(event hispos.Event) bool { return event == hispos.Event(hispos.OrderEnded{OrderNo: number}) }
	if !d.Ledger.HasEnded(number) && !d.Run(isEnd, most) {
		return Unknown, number + ": unknown. Do not take or give the money again."
	}
	if d.Ledger.NeedsPeople(number) {
		return Unknown, number + ": people have to look at it. Do not take or give the money again."
	}
	said := d.Ledger.Result(number)
	text := fmt.Sprintf("%s: %s", number, hispos.StatusMeanings[said.GetStatus()].CashierEn)
	switch said.GetOutcome() {
	case pb.Outcome_OUTCOME_PAID, pb.Outcome_OUTCOME_REFUNDED:
		return Done, text
	}
	return Refused, text
}

// Close ends the session in order.
func (d *Desk) Close() error {
	d.Link.Close(transport.BootClock())
	d.loop.Flush()
	return errors.Join(d.loop.Close(), d.storage.Close())
}

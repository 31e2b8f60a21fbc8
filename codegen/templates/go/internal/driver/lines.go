package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"hispos-client/hispos"
	"hispos-client/transport"
)

// The lines of the driver interface.

// octets are bytes, in hexadecimal on the line.
type octets []byte

// UnmarshalText reads hexadecimal.
func (o *octets) UnmarshalText(text []byte) error {
	read, err := hex.DecodeString(string(text))
	*o = read
	return err
}

// MarshalText writes hexadecimal.
func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

// line is one of the simulator's, with the members of every kind.
type line struct {
	N      uint64  `json:"n"`
	Do     string  `json:"do"`
	Now    int64   `json:"now"`
	Unix   *uint64 `json:"unix"`
	Desk   *int    `json:"desk"`
	Driver int     `json:"driver"`
	Role   string  `json:"role"`
	start
	command
	verdict
	ID    uint64 `json:"id"`
	Bytes octets `json:"bytes"`
}

type start struct {
	Boot       octets     `json:"boot"`
	Software   string     `json:"software"`
	Agreements []octets   `json:"agreements"`
	Devices    octets     `json:"devices"`
	Terminals  octets     `json:"terminals"`
	Merchants  []merchant `json:"merchants"`
	SiteSecret octets     `json:"site_secret"`
	Desks      []desk     `json:"desks"`
	Book       struct {
		ID      octets   `json:"id"`
		Records []record `json:"records"`
	} `json:"book"`
	Restored octets `json:"restored"`
}

type merchant struct {
	Channel    int32  `json:"channel"`
	Account    string `json:"account"`
	SubAccount string `json:"sub_account"`
	Simulated  bool   `json:"simulated"`
}

type desk struct {
	DeviceID   string `json:"device_id"`
	TerminalID string `json:"terminal_id"`
	Seed       octets `json:"seed"`
	Random     octets `json:"random"`
}

type record struct {
	Seq    uint64 `json:"seq"`
	Head   octets `json:"head"`
	Record octets `json:"record"`
}

type command struct {
	Ticket      uint64 `json:"ticket"`
	Bill        string `json:"bill"`
	Fen         int64  `json:"fen"`
	BusinessDay uint32 `json:"business_day"`
	OrderNo     string `json:"order_no"`
	Item        string `json:"item"`
	Operator    string `json:"operator"`
	Approver    string `json:"approver"`
	Reason      string `json:"reason"`
	Kind        string `json:"kind"`
	First       string `json:"first"`
	Second      string `json:"second"`
	DeviceID    string `json:"device_id"`
	Channel     int32  `json:"channel"`
	Code        string `json:"code"`
}

type verdict struct {
	Proof struct {
		Name       hispos.Proof `json:"name"`
		PaymentNo  string       `json:"payment_no"`
		Fen        int64        `json:"fen"`
		CapturedAt uint64       `json:"captured_at"`
		Refunded   int64        `json:"refunded"`
		RefundID   string       `json:"refund_id"`
		At         uint64       `json:"at"`
		Closed     bool         `json:"closed"`
	} `json:"proof"`
	ProviderCode string `json:"provider_code"`
	Date         uint64 `json:"date"`
	FirstByte    *int64 `json:"first_byte"`
	Ended        int64  `json:"ended"`
	Answered     bool   `json:"answered"`
}

// answer is one line of this program.
type answer struct {
	N       uint64   `json:"n"`
	Out     []output `json:"out,omitempty"`
	Ticks   []*int64 `json:"ticks,omitempty"`
	Refused string   `json:"refused,omitempty"`
	Halted  bool     `json:"halted,omitempty"`
	Error   string   `json:"error,omitempty"`
	Driver  int      `json:"driver,omitempty"`
	Name    string   `json:"name,omitempty"`
	Role    string   `json:"role,omitempty"`
	Book    string   `json:"book,omitempty"`
	Can     []string `json:"can,omitempty"`
}

// output is an object of what a program says.
type output map[string]any

func event(name string, desk int) output { return output{"is": "event", "event": name, "desk": desk} }

// eventOf is an event that the links of both ends tell; nil for another one.
func eventOf(told hispos.Event, desk int) output {
	switch told := told.(type) {
	case hispos.Alarm:
		said := event("alarm", desk)
		said["alarm"] = told.What
		if told.OrderNo != "" {
			said["order_no"] = told.OrderNo
		}
		return said
	case hispos.Up:
		said := event("session_up", desk)
		said["peer"] = told.Peer
		return said
	case hispos.Down:
		return event("session_down", desk)
	case hispos.Progress:
		said := event("progress", desk)
		said["order_no"], said["stage"] = told.OrderNo, told.Stage
		return said
	}
	return nil
}

// takeLine does what lines do to links of either side; false for a line of another kind.
func takeLine(link transport.Link, line *line) bool {
	switch line.Do {
	case "opened":
		link.Opened(line.Now)
	case "closed":
		link.Closed(line.Now)
	case "bytes":
		link.Feed(line.Bytes, line.Now)
	case "tick":
		link.OnTimer(line.Now)
	default:
		return false
	}
	return true
}

func transmits(link transport.Link, desk int) []output {
	var found []output
	for data := link.PollTransmit(); data != nil; data = link.PollTransmit() {
		found = append(found, output{"is": "transmit", "desk": desk, "bytes": octets(data)})
	}
	return found
}

func tickOf(link transport.Link) *int64 {
	at, isSet := link.NextTimer()
	if !isSet {
		return nil
	}
	at = max(at, 0)
	return &at
}

// stream gives the random bytes of one link: SHA-256 over its seed and a counter.
func stream(seed []byte) hispos.Draw {
	counter, left := uint64(0), []byte(nil)
	return func(length int) []byte {
		for len(left) < length {
			next := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte(nil), seed...), counter))
			left = append(left, next[:]...)
			counter++
		}
		drawn := append([]byte(nil), left[:length]...)
		left = left[length:]
		return drawn
	}
}

func agreementsOf(start *start) ([]*hispos.Agreement, error) {
	var found []*hispos.Agreement
	for _, payload := range start.Agreements {
		agreement, err := hispos.AgreementOf(payload)
		if err != nil {
			return nil, err
		}
		found = append(found, agreement)
	}
	return found, nil
}

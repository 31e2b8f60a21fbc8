package hispos

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	pb "hispos-client/internal/messages"
)

// Every truncation and every flipped bit behind a good checksum, and before sealing, at a whole link: the one reaction that
// the chapters of key exchange and records name, and what is good goes on behind it.

// lineEnd is an end of a line whose other end sends what it wants.
type lineEnd struct {
	t       *testing.T
	name    string
	link    link
	session *base
	// The session of the other end, and the type of the records that it sends.
	peer *base
	kind byte
	now  *int64
}

type link interface {
	Feed(data []byte, now int64)
	PollTransmit() []byte
	PollEvent() Event
}

// lineEnds are both ends of a line, of which each has said what is due.
func lineEnds(t *testing.T, both *paired) []*lineEnd {
	both.settle()
	return []*lineEnd{
		{t, "HIS", both.his, &both.his.session.base, &both.pos.session.base, frameRecordPos, &both.now},
		{t, "POS", both.pos, &both.pos.session.base, &both.his.session.base, frameRecordHis, &both.now},
	}
}

// settle has both ends do what is due; what they say is lost.
func (p *paired) settle() {
	p.his.OnTimer(p.now)
	p.pos.OnTimer(p.now)
	drained(p.his)
	drained(p.pos)
}

// take feeds one frame with a good checksum, and gives what comes back and the names of what was dropped.
func (e *lineEnd) take(kind byte, body []byte) ([]frame, []string) {
	e.t.Helper()
	data, err := encodeFrame(kind, body)
	if err != nil {
		e.t.Fatal(err)
	}
	before := map[string]int{}
	for name, count := range e.session.Drops() {
		before[name] = count
	}
	e.link.Feed(data, *e.now)
	var names []string
	for name, count := range e.session.Drops() {
		for range count - before[name] {
			names = append(names, name)
		}
	}
	return (&decoder{side: e.peer.own}).feed(drained(e.link)), names
}

// drops: it drops this in silence, under a name.
func (e *lineEnd) drops(name string, kind byte, body []byte) {
	e.t.Helper()
	out, names := e.take(kind, body)
	if len(out) != 0 || !slices.Equal(names, []string{name}) {
		e.t.Errorf("%s, %d %x: dropped as %v with %d answers, not as %s", e.name, kind, body, names, len(out), name)
	}
}

// hears opens what comes back in the session.
func (e *lineEnd) hears(frames []frame) (messages []*pb.Message, alerts []pb.AlertCode) {
	e.t.Helper()
	for _, item := range frames {
		plaintext, err := e.peer.live.opener.open(item.body)
		if err != nil {
			e.t.Fatalf("%s answers with %d %x: %v", e.name, item.kind, item.body, err)
		}
		message, alert, err := parseMessage(plaintext)
		switch {
		case err != nil:
			e.t.Fatal(err)
		case alert != nil:
			alerts = append(alerts, alert.Code)
		default:
			messages = append(messages, message)
		}
	}
	return messages, alerts
}

func (e *lineEnd) seal(plaintext []byte) []byte {
	e.t.Helper()
	body, err := e.peer.live.sealer.seal(plaintext)
	if err != nil {
		e.t.Fatal(err)
	}
	return body
}

func TestARecordWithoutASessionIsDroppedAsSizeOrStale(t *testing.T) {
	both, _, _ := newPaired(t)
	both.his.Opened(both.now)
	both.pos.Opened(both.now)
	for _, end := range lineEnds(t, both) {
		for _, length := range []int{0, 21, 1046} {
			end.drops(dropSize, end.kind, make([]byte, length))
		}
		for _, length := range []int{22, 1045} {
			out, names := end.take(end.kind, make([]byte, length))
			if !slices.Equal(names, []string{dropStale}) || end.session.own == his && len(out) != 0 {
				t.Errorf("%s, %d bytes: dropped as %v with %d answers", end.name, length, names, len(out))
			}
		}
	}
}

// nameOfRecord is what a damaged record is dropped as, by the order of the checks (REC-11 to REC-16).
func nameOfRecord(body []byte, opener *opener) string {
	switch {
	case len(body) < 22 || len(body) > 1045:
		return "size"
	case body[0] != opener.tag:
		return "stale"
	case int64(binary.BigEndian.Uint32(body[1:])) <= opener.last:
		return "replayed"
	}
	return "forged"
}

func TestADamagedRecordIsDroppedByItsNameAndTheGoodOneBehindItOpens(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	// The HIS takes a notice, the POS a request.
	plaintexts := [][]byte{
		encode(&pb.Message{Body: &pb.Message_DeviceEvent{DeviceEvent: &pb.DeviceEvent{Code: 1, Text: "paper"}}}),
		encode(&pb.Message{Call: 900, Body: &pb.Message_Ping{Ping: &pb.Ping{}}}),
	}
	for at, end := range lineEnds(t, both) {
		for _, counter := range []uint64{100, 65_535, 65_536, 65_537} {
			end.peer.live.sealer.counter = counter
			good, live := end.seal(plaintexts[at]), end.session.live
			damages(good, func(data []byte) {
				wanted := nameOfRecord(data, live.opener)
				out, names := end.take(end.kind, data)
				isAlert := func(item frame) bool { return item.kind == framePlainAlert }
				isQuiet := len(out) == 0 || wanted == dropStale && len(out) == 1 && isAlert(out[0])
				if !isQuiet || !slices.Equal(names, []string{wanted}) {
					t.Errorf("%s, %x: dropped as %v with %d answers, not as %s", end.name, data, names, len(out), wanted)
				}
			})
			if _, names := end.take(end.kind, good); len(names) != 0 || end.session.live != live {
				t.Errorf("%s: the good record %d is dropped as %v", end.name, counter, names)
			}
			end.drops(dropReplayed, end.kind, good)
		}
	}
}

func TestTheEighthForgedRecordInARowEndsTheSession(t *testing.T) {
	for at := range 2 {
		both, _, _ := newPaired(t)
		both.connect()
		end := lineEnds(t, both)[at]
		good := encode(&pb.Message{Body: &pb.Message_DeviceEvent{DeviceEvent: &pb.DeviceEvent{}}})
		forge := func(times int) {
			t.Helper()
			for range times {
				body := end.seal(good)
				body[len(body)-1] ^= 1
				end.drops(dropForged, end.kind, body)
			}
		}
		forge(20)
		both.now = end.session.live.since + TimerForgedGrace
		both.settle()
		forge(7)
		if _, names := end.take(end.kind, end.seal(good)); len(names) != 0 {
			t.Fatalf("%s: the good record is dropped as %v", end.name, names)
		}
		forge(7)
		end.drops(dropSize, end.kind, make([]byte, 3))
		body := end.seal(good)
		body[len(body)-1] ^= 1
		out, names := end.take(end.kind, body)
		if _, alerts := end.hears(out); end.session.live != nil || !slices.Equal(names, []string{dropForged}) ||
			!slices.Equal(alerts, []pb.AlertCode{pb.AlertCode_ALERT_CODE_BAD_RECORD}) {
			t.Errorf("%s: dropped as %v, alerts %v", end.name, names, alerts)
		}
	}
}

func TestADamagedPlainAlertIsDroppedAndLeavesTheSession(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	for _, end := range lineEnds(t, both) {
		live := end.session.live
		damages([]byte{91, 1, 2, 3, 4}, func(data []byte) {
			out, names := end.take(framePlainAlert, data)
			_, _, isPlain := plainAlert(data)
			isTaken := isPlain && (end.session.own == pos || data[0] == byte(pb.AlertCode_ALERT_CODE_NO_SESSION))
			isRight := isTaken && len(names) == 0 || !isTaken && slices.Equal(names, []string{dropAlert})
			if !isRight || end.session.live != live || len(out) != 0 {
				t.Errorf("%s, %x: dropped as %v with %d answers", end.name, data, names, len(out))
			}
		})
	}
}

func TestAPosDropsADamagedM3AndAHisADamagedM2AndTheGoodOnesBehindThemMakeASession(t *testing.T) {
	both, _, _ := newPaired(t)
	ends := lineEnds(t, both)
	both.his.Opened(both.now)
	both.pos.Opened(both.now)
	both.his.OnTimer(both.now)
	m1 := (&decoder{side: pos}).feed(drained(both.his))[0].body
	drained(both.pos)
	out, _ := ends[1].take(frameM1, m1)
	m2 := out[0].body
	damages(m2, func(data []byte) { ends[0].drops(dropHandshake, frameM2, data) })
	out, _ = ends[0].take(frameM2, m2)
	m3 := out[0].body
	damages(m3, func(data []byte) { ends[1].drops(dropHandshake, frameM3, data) })
	if out, _ = ends[1].take(frameM3, m3); len(out) != 1 || out[0].kind != frameRecordPos {
		t.Fatal("no session comes of the good ones")
	}
}

func TestADamagedM1IsAnsweredByOneAlertOrByAnM2ThatNoHisTakes(t *testing.T) {
	both, _, _ := newPaired(t)
	end := lineEnds(t, both)[1]
	initiator, err := newInitiator(both.his.session.end, both.his.deviceID, both.his.Ledger.site.newest().Hash, both.his.session.draw)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[byte]int{}
	damages(initiator.m1, func(data []byte) {
		both.pos.Closed(both.now)
		both.pos.Opened(both.now)
		drained(both.pos)
		out, names := end.take(frameM1, data)
		if len(out) != 1 || len(names) != 0 {
			t.Fatalf("%x: %d answers, dropped as %v", data, len(out), names)
		}
		if out[0].kind == framePlainAlert {
			codes[out[0].body[0]]++
			return
		}
		codes[0]++
		if _, _, err := initiator.takeM2(out[0].body); err == nil {
			t.Errorf("an M2 to %x is taken", data)
		}
	})
	for _, code := range []byte{0, 47, 50, 70, 71, 72} {
		if codes[code] == 0 {
			t.Errorf("no damage gives %d: %v", code, codes)
		}
	}
	if both.pos.live != nil {
		t.Error("a session comes of it")
	}
}

func TestADamagedPlaintextIsAMessageAnAlertOrEndsTheSessionAndMovesNoMoney(t *testing.T) {
	both, _, _ := newPaired(t)
	for _, end := range lineEnds(t, both) {
		seen := map[string]bool{}
		for _, item := range loadVectors(t, "messages.json").objects("cases") {
			name, _, _ := strings.Cut(item.text("comment"), " ")
			plaintext, isOwn := item.bytes("plaintext"), sides[item.text("receiver")] == end.session.own && item.has("decoded")
			if !isOwn || seen[name] || len(plaintext) == 0 || len(plaintext) > 90 {
				continue
			}
			seen[name] = true
			damages(plaintext, func(data []byte) {
				if len(data) == 0 {
					return
				}
				if end.session.live == nil || end.peer.live == nil {
					both.again()
				}
				end.takesOrEnds(data)
				for ask, isAsked := both.pos.PollAsk(); isAsked; ask, isAsked = both.pos.PollAsk() {
					if ask.Call != PlatformCallVerify && ask.Call != PlatformCallQuery && ask.Call != PlatformCallQueryRefund {
						t.Errorf("%x moves money: %v", data, ask.Call)
					}
				}
			})
		}
		if len(seen) < 4 {
			t.Errorf("%s: only %d bodies", end.name, len(seen))
		}
	}
}

// again opens the line anew, and lets both come to a session.
func (p *paired) again() {
	p.his.Closed(p.now)
	p.pos.Closed(p.now)
	p.his.Opened(p.now)
	p.pos.Opened(p.now)
	p.run(50)
	p.settle()
}

// takesOrEnds: no message is answered with decode_error, an alert in silence; both end the session.
func (e *lineEnd) takesOrEnds(plaintext []byte) {
	e.t.Helper()
	out, names := e.take(e.kind, e.seal(plaintext))
	_, alerts := e.hears(out)
	_, alert, err := parseMessage(plaintext)
	isRight := len(names) == 0
	switch {
	case err != nil:
		isRight = isRight && slices.Equal(alerts, []pb.AlertCode{pb.AlertCode_ALERT_CODE_DECODE_ERROR})
	case alert != nil:
		isRight = isRight && len(out) == 0
	}
	isOver := err != nil || alert != nil || len(alerts) > 0
	if !isRight || isOver != (e.session.live == nil) {
		e.t.Errorf("%s, %x: dropped as %v, alerts %v, over %v", e.name, plaintext, names, alerts, e.session.live == nil)
	}
}

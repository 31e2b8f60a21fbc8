package hispos

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// What the sessions of both ends share: events, the stream's transmit queue, records in a live session, alerts.

// notYet is an instant before all others.
const notYet = int64(-1) << 62

// Terms are what a session needs of a serving agreement: its hash, and the versions and suites that it lists.
type Terms struct {
	Hash     []byte
	Versions []uint32
	Suites   []uint32
}

// servingMax is how many agreements serve for new sessions, the newest ones (PRV-31).
const servingMax = 2

func termsOf(agreements []*Agreement) []Terms {
	var found []Terms
	for _, agreement := range agreements {
		found = append(found, agreement.Terms())
	}
	return found
}

// event is one of a session: started, ended, received or Notice.
type event any

// started: a session is live: who the peer is, under which agreement, and the zero of session time (ORD-4, ORD-5).
type started struct {
	peer          string
	agreementHash []byte
	zero          int64
}

// ended: the live session is over.
type ended struct{ byPeer bool }

// received: a message of a session that is no alert.
type received struct {
	message *pb.Message
	live    *live
}

// Notice is something for the operator; Text is English and holds no secret.
type Notice struct{ Text string }

// live is a keyed association: it seals, opens, and counts what is forged (records).
type live struct {
	keys                  *keys
	kind                  byte
	sealer                *sealer
	opener                *opener
	since, zero, openedAt int64
	forged                int
}

func newLive(crypto Crypto, made *keys, own side) *live {
	kinds, secrets := [2]byte{frameRecordHis, frameRecordPos}, [2][]byte{made.appHis, made.appPos}
	peer := 1 - own
	return &live{
		keys:   made,
		kind:   kinds[own],
		sealer: &sealer{crypto: crypto, kind: kinds[own], tag: made.tag, keys: newEpochKeys(0, secrets[own])},
		opener: &opener{
			crypto: crypto, kind: kinds[peer], tag: made.tag, keys: newEpochKeys(0, secrets[peer]), last: nothingOpenedYet,
		},
	}
}

func (l *live) open(body []byte, now int64) ([]byte, error) {
	plaintext, err := l.opener.open(body)
	if err != nil {
		if err == (dropped{dropForged}) && now >= l.since+TimerForgedGrace {
			l.forged++
		}
		return nil, err
	}
	l.forged, l.openedAt = 0, now
	return plaintext, nil
}

// hasTooManyForged tells whether REC-19 ends the session.
func (l *live) hasTooManyForged() bool { return l.forged >= LimitForgedInARowMax }

func (l *live) erase() {
	l.sealer.keys.erase()
	l.opener.keys.erase()
}

const alertField = 3

// Libraries take the last one, or join them.
var errTwoBodies = errors.New("more than one body")

// parseMessage gives a message, and whether there is an alert in it, whatever else there is (REC-20, REC-21).
func parseMessage(plaintext []byte) (*pb.Message, *pb.Alert, error) {
	message := &pb.Message{}
	if err := proto.Unmarshal(plaintext, message); err != nil {
		return nil, nil, err
	}
	known := message.ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	var content []byte
	isAlert, bodies := false, 0
	for rest := plaintext; len(rest) > 0; {
		field, wireType, length := protowire.ConsumeField(rest)
		if length < 0 {
			return nil, nil, protowire.ParseError(length)
		}
		if known.ByNumber(field) != nil {
			bodies++
		}
		if field == alertField && wireType == protowire.BytesType {
			_, _, header := protowire.ConsumeTag(rest)
			inner, _ := protowire.ConsumeBytes(rest[header:])
			content, isAlert = append(content, inner...), true
		}
		rest = rest[length:]
	}
	switch {
	case !isAlert && bodies > 1:
		return nil, nil, errTwoBodies
	case !isAlert:
		return message, nil, nil
	}
	alert := &pb.Alert{}
	return message, alert, proto.Unmarshal(content, alert)
}

// stream is one opening of a line: decoder, transmit queue and drop counters, which die with it (FRM-33).
type stream struct {
	decoder   decoder
	transmits [][]byte
	drops     map[string]int
	alertAt   map[bool]int64
}

func newStream(own side) *stream {
	// The first byte of each stream is 00 (FRM-9).
	return &stream{decoder{side: own}, [][]byte{{0}}, map[string]int{}, map[bool]int64{}}
}

func (s *stream) drop(name string) { s.drops[name]++ }

// send queues a frame, and gives its checksum.
func (s *stream) send(kind byte, body []byte) ([]byte, error) {
	encoded, err := encodeFrame(kind, body)
	if err != nil {
		return nil, err
	}
	s.transmits = append(s.transmits, encoded)
	return frame{kind: kind, body: body}.sum(), nil
}

// alert sends a plain alert, unless it would come too early (REC-26 to REC-28).
func (s *stream) alert(code pb.AlertCode, ref []byte, now int64) {
	isNoSession := code == pb.AlertCode_ALERT_CODE_NO_SESSION
	last, hasLast := s.alertAt[isNoSession]
	if hasLast && now < last+TimerPlainAlertGap {
		return
	}
	s.alertAt[isNoSession] = now
	// A body of 5 bytes fits into every frame.
	_, _ = s.send(framePlainAlert, append([]byte{byte(code)}, ref...))
}

// base is what both ends do with a stream and a live session.
type base struct {
	end    *End
	own    side
	stream *stream
	live   *live
	events []event
	// What the end does more when a session is over.
	onOver func(code pb.AlertCode, now int64)
}

// Drops tells what was dropped on this stream, by name.
func (b *base) Drops() map[string]int {
	if b.stream == nil {
		return nil
	}
	return b.stream.drops
}

func (b *base) isLive() bool { return b.live != nil }

func (b *base) pollTransmit() []byte {
	if b.stream == nil || len(b.stream.transmits) == 0 {
		return nil
	}
	next := b.stream.transmits[0]
	b.stream.transmits = b.stream.transmits[1:]
	return next
}

func (b *base) pollEvent() event {
	if len(b.events) == 0 {
		return nil
	}
	next := b.events[0]
	b.events = b.events[1:]
	return next
}

func (b *base) tell(event event) { b.events = append(b.events, event) }

// send seals a message into the live session; false if there is none, or its counters are used up (REC-6).
func (b *base) send(plaintext []byte, now int64) bool {
	if b.live == nil || b.stream == nil {
		return false
	}
	body, err := b.live.sealer.seal(plaintext)
	if errors.Is(err, errExhausted) {
		b.over(0, false, now)
	}
	if err != nil {
		return false
	}
	_, err = b.stream.send(b.live.kind, body)
	return err == nil
}

// finish ends the live session with a sealed alert, its last record (REC-24, REC-25).
func (b *base) finish(code pb.AlertCode, now int64) {
	if b.send(encode(&pb.Message{Body: &pb.Message_Alert{Alert: &pb.Alert{Code: code}}}), now) {
		b.over(code, false, now)
	}
}

// over: the live session is gone. code is that of an alert, 0 without one or for an end in order.
func (b *base) over(code pb.AlertCode, byPeer bool, now int64) {
	if b.onOver != nil {
		b.onOver(code, now)
	}
	if b.live != nil {
		b.live.erase()
	}
	b.live = nil
	b.tell(ended{byPeer})
}

func (b *base) frames(data []byte) []frame {
	if b.stream == nil {
		return nil
	}
	var found []frame
	for _, item := range b.stream.decoder.feed(data) {
		if item.drop == "" {
			// The decoder's buffer is used again, and frames are kept.
			item.body = slices.Clone(item.body)
			found = append(found, item)
			continue
		}
		b.stream.drop(item.drop)
		if item.drop == dropEcho && b.stream.drops[dropEcho] == LimitEchoEventAt {
			b.tell(Notice{"own frames come back: an echo or a loop"})
		}
	}
	return found
}

// waitsFor tells whether a message is to wait behind others, and whether it is one request too many (MSG-10, MSG-19).
func waitsFor(inbox []*pb.Message, message *pb.Message) (isTaken, isTooMany bool) {
	if message.Call == 0 || message.ReplyTo != 0 {
		return true, false
	}
	waiting := 0
	for _, item := range inbox {
		switch {
		case item.Call == 0 || item.ReplyTo != 0:
		case item.Call == message.Call:
			return false, false
		default:
			waiting++
		}
	}
	return true, waiting >= LimitOpenCallsMax
}

// openRecord gives the plaintext of a record, or dropped, which is counted (REC-11 to REC-19).
func (b *base) openRecord(body []byte, now int64) ([]byte, error) {
	var plaintext []byte
	var err error
	switch {
	case b.live != nil:
		plaintext, err = b.live.open(body, now)
	case len(body) < recordBodyMin || len(body) > recordBodyMax:
		err = dropped{dropSize}
	default:
		err = dropped{dropStale}
	}
	if err == nil {
		return plaintext, nil
	}
	b.stream.drop(err.Error())
	if b.live != nil && b.live.hasTooManyForged() {
		b.finish(pb.AlertCode_ALERT_CODE_BAD_RECORD, now)
	}
	return nil, err
}

func (b *base) takePlaintext(plaintext []byte, now int64) {
	message, alert, err := parseMessage(plaintext)
	switch {
	case err != nil:
		b.finish(pb.AlertCode_ALERT_CODE_DECODE_ERROR, now)
	case alert != nil:
		b.tell(Notice{fmt.Sprintf("alert %d of the peer", alert.Code)})
		b.over(alert.Code, true, now)
	default:
		b.tell(received{message, b.live})
	}
}

func (b *base) checkAge(now int64) {
	if b.live != nil && now >= b.live.since+TimerSessionAgeMax {
		b.over(0, false, now)
	}
}

var plainAlerts = []pb.AlertCode{
	pb.AlertCode_ALERT_CODE_HANDSHAKE_FAILURE, pb.AlertCode_ALERT_CODE_ILLEGAL_PARAMETER,
	pb.AlertCode_ALERT_CODE_DECODE_ERROR, pb.AlertCode_ALERT_CODE_VERSION, pb.AlertCode_ALERT_CODE_SUITE,
	pb.AlertCode_ALERT_CODE_AGREEMENT, pb.AlertCode_ALERT_CODE_BUSY, pb.AlertCode_ALERT_CODE_NO_SESSION,
	pb.AlertCode_ALERT_CODE_NO_HANDSHAKE,
}

// plainAlert gives code and ref of a plain alert; false if it is dropped (REC-29).
func plainAlert(body []byte) (pb.AlertCode, []byte, bool) {
	if len(body) != 5 || !slices.Contains(plainAlerts, pb.AlertCode(body[0])) {
		return 0, nil, false
	}
	return pb.AlertCode(body[0]), body[1:], true
}

// earliest gives the least of instants; false without any.
func earliest(instants []int64) (int64, bool) {
	if len(instants) == 0 {
		return 0, false
	}
	return slices.Min(instants), true
}

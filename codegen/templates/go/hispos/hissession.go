package hispos

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	pb "hispos-client/internal/messages"
)

// The session of a HIS on one line: it starts the key exchange, repeats, waits and switches (key exchange, records).

var (
	repeatGaps   = []int64{TimerHandshakeRepeat1, TimerHandshakeRepeat2, TimerHandshakeRepeat3, TimerHandshakeRepeat4}
	failureWaits = []int64{TimerFailureWait1, TimerFailureWait2, TimerFailureWait3, TimerFailureWait4}
)

const m2AcceptedMax = 16

// repeat has gaps of 1, 2, 4 and then always 5 s (KEX-72, KEX-74).
type repeat struct {
	gaps int
	due  int64
}

func newRepeat(now int64) repeat { return repeat{due: now + repeatGaps[0]} }

func (r *repeat) next(now int64) {
	r.gaps = min(r.gaps+1, len(repeatGaps)-1)
	r.due = now + repeatGaps[r.gaps]
}

// attempt is what the HIS remembers from an M1 until it switches or gives up.
type attempt struct {
	terms      Terms
	initiator  *initiator
	startedAt  int64
	m1Sum      []byte
	m1Repeat   repeat
	accepted   [][]byte
	unopened   int
	m3, m3Sum  []byte
	m3At       int64
	m3Repeat   repeat
	comingLive *live
}

// hisSession is fed bytes, polled for bytes and events, and given the time when nextTimer says so.
type hisSession struct {
	base
	device         string
	agreements     []Terms
	draw           Draw
	attempt        *attempt
	refused        map[string]bool
	wants          bool
	failures       int
	lostHandshakes int
	blockedUntil   int64
	busyUntil      int64
	lastStart      int64
	lastSwitch     int64
}

// newHisSession: agreements are the serving ones, the newest first; device is bound to the desk (KEX-58).
func newHisSession(end *End, device string, agreements []Terms, draw Draw) *hisSession {
	s := &hisSession{
		base: base{end: end, own: his}, device: device, agreements: agreements, draw: draw,
		refused: map[string]bool{}, lastStart: notYet, lastSwitch: notYet,
	}
	s.onOver = s.countFailure
	return s
}

// provision takes newer files over, for key exchanges from now on (PRV-31, PRV-40).
func (s *hisSession) provision(registry map[string][]byte, agreements []Terms) {
	s.end, s.agreements = s.end.with(registry), agreements
	clear(s.refused)
}

func (s *hisSession) opened(now int64) {
	s.closed(now)
	s.stream = newStream(his)
	s.blockedUntil, s.busyUntil = now, now
	s.lastStart = notYet
}

// closed: the stream is gone, and what lived on it (FRM-33).
func (s *hisSession) closed(now int64) {
	s.giveUp(false)
	s.wants = false
	if s.live != nil {
		s.over(0, false, now)
	}
	s.stream = nil
}

// hasHeard tells whether a record of the live session opened within the last 25 s (REC-42).
func (s *hisSession) hasHeard(now int64) bool {
	return s.live != nil && now < s.live.openedAt+TimerSilent
}

// feed takes bytes of the line, and starts what they make due at once (KEX-77).
func (s *hisSession) feed(data []byte, now int64) {
	for _, item := range s.frames(data) {
		switch item.kind {
		case frameM2:
			s.takeM2(item, now)
		case framePlainAlert:
			s.takeAlert(item.body, now)
		default:
			s.takeRecord(item.body, now)
		}
	}
	s.onTimer(now)
}

// onTimer does what is due.
func (s *hisSession) onTimer(now int64) {
	s.checkAge(now)
	if s.live != nil && s.failures > 0 && now >= s.live.since+TimerSessionYoung {
		s.failures = 0
	}
	switch {
	case s.attempt != nil && now >= s.attemptEnd():
		s.giveUp(true)
	case s.attempt != nil:
		s.repeat(now)
	}
	if s.stream != nil && s.attempt == nil && now >= s.dueFrom() && now >= s.startFrom() {
		s.start(now)
	}
}

// nextTimer gives the instant at which onTimer has something to do.
func (s *hisSession) nextTimer() (int64, bool) {
	if s.stream == nil {
		return 0, false
	}
	var times []int64
	if s.live != nil {
		times = append(times, s.live.since+TimerSessionAgeMax)
		if s.failures > 0 {
			times = append(times, s.live.since+TimerSessionYoung)
		}
	}
	if s.attempt != nil {
		times = append(times, s.attemptEnd(), s.repeatAt())
	} else {
		times = append(times, max(s.startFrom(), s.dueFrom()))
	}
	return earliest(times)
}

// dueFrom tells when a start is due, whatever blocks it (KEX-77).
func (s *hisSession) dueFrom() int64 {
	live := s.live
	if live == nil || s.wants || max(int64(live.sealer.counter), live.opener.last) >= LimitCounterRekey {
		return 0
	}
	return min(live.since+TimerSessionRekeyAge, live.openedAt+TimerSessionIdle)
}

// startFrom tells when no wait blocks a start (KEX-78, KEX-83).
func (s *hisSession) startFrom() int64 {
	gap := int64(0)
	if s.lastStart != notYet {
		gap = s.lastStart + TimerStartGap
	}
	return max(gap, s.blockedUntil, s.busyUntil)
}

func (s *hisSession) start(now int64) {
	for _, terms := range s.agreements {
		end := s.end.restricted(terms)
		if len(end.Versions) == 0 || len(end.Suites) == 0 || s.refused[string(terms.Hash)] {
			continue
		}
		initiator, err := newInitiator(end, s.device, terms.Hash, s.draw)
		if err != nil {
			break
		}
		s.wants, s.lastStart = false, now
		s.attempt = &attempt{terms: terms, initiator: initiator, startedAt: now, m1Repeat: newRepeat(now)}
		s.attempt.m1Sum = s.transmit(frameM1, initiator.m1)
		return
	}
	s.block(now + TimerAlertWait)
}

// transmit queues a handshake message, which is never too long for a frame.
func (s *hisSession) transmit(kind byte, body []byte) []byte {
	sum, err := s.stream.send(kind, body)
	if err != nil {
		s.tell(Notice{err.Error()})
	}
	return sum
}

func (s *hisSession) block(until int64) { s.blockedUntil = max(s.blockedUntil, until) }

func (s *hisSession) fail(now int64) {
	s.block(now + failureWaits[min(s.failures, len(failureWaits)-1)])
	s.failures++
}

func (s *hisSession) giveUp(wants bool) {
	if s.attempt != nil {
		s.attempt.initiator.erase()
	}
	s.attempt = nil
	s.wants = s.wants || wants
}

func (s *hisSession) attemptEnd() int64 {
	if s.attempt.m3 != nil {
		return s.attempt.m3At + TimerM3Retry
	}
	return max(s.attempt.startedAt+TimerM1Retry, s.busyUntil)
}

func (s *hisSession) repeatAt() int64 {
	if s.attempt.m3 != nil {
		return s.attempt.m3Repeat.due
	}
	return max(s.attempt.m1Repeat.due, s.busyUntil)
}

func (s *hisSession) repeat(now int64) {
	if now < s.repeatAt() || s.stream == nil {
		return
	}
	if s.attempt.m3 != nil {
		s.transmit(frameM3, s.attempt.m3)
		s.attempt.m3Repeat.next(now)
		return
	}
	s.transmit(frameM1, s.attempt.initiator.m1)
	s.attempt.m1Repeat.next(now)
}

func (s *hisSession) takeM2(item frame, now int64) {
	attempt := s.attempt
	isKnown := func(body []byte) bool { return bytes.Equal(body, item.body) }
	if attempt == nil || len(attempt.accepted) >= m2AcceptedMax || slices.ContainsFunc(attempt.accepted, isKnown) {
		s.stream.drop(dropHandshake)
		return
	}
	m3, made, err := attempt.initiator.takeM2(item.body)
	var no refused
	switch {
	case err == nil:
		attempt.accepted = append(attempt.accepted, item.body)
		attempt.m3, attempt.m3At, attempt.m3Repeat = m3, now, newRepeat(now)
		attempt.comingLive = newLive(s.end.Crypto, made, his)
		attempt.comingLive.zero = now
		attempt.m3Sum = s.transmit(frameM3, m3)
	case errors.As(err, &no) && attempt.m3 == nil:
		s.tell(Notice{fmt.Sprintf("the device is not authentic: %s", no.why)})
		s.stream.alert(no.code, item.sum(), now)
		s.giveUp(false)
		s.fail(now)
	default:
		s.stream.drop(dropHandshake)
		if err == error(errNotOpened) {
			attempt.unopened++
			if attempt.unopened == LimitPendingTriesMax {
				s.tell(Notice{"agreement, keys or line of the two ends differ"})
			}
		}
	}
}

func (s *hisSession) takeRecord(body []byte, now int64) {
	if s.attempt != nil && s.attempt.comingLive != nil {
		coming := s.attempt.comingLive
		if plaintext, err := coming.open(body, now); err == nil {
			s.switchTo(coming, now)
			s.takePlaintext(plaintext, now)
			return
		}
	}
	if plaintext, err := s.openRecord(body, now); err == nil {
		s.takePlaintext(plaintext, now)
	}
}

// switchTo: the new session becomes the live one; the old one ends silently (KEX-66, REC-36).
func (s *hisSession) switchTo(coming *live, now int64) {
	if s.live != nil {
		s.live.erase()
	}
	s.giveUp(false)
	s.live = coming
	coming.since, coming.openedAt = now, now
	s.lastSwitch, s.lostHandshakes = now, 0
	clear(s.refused)
	s.tell(started{coming.keys.peer, coming.keys.agreementHash, coming.zero})
}

// countFailure: a young session that an alert other than close ended is a failure.
func (s *hisSession) countFailure(code pb.AlertCode, now int64) {
	if s.live != nil && code != 0 && now < s.live.since+TimerSessionYoung {
		s.fail(now)
	}
}

// takeAlert (records, section "Reaction of the HIS to plain alerts").
func (s *hisSession) takeAlert(body []byte, now int64) {
	code, ref, isPlain := plainAlert(body)
	attempt := s.attempt
	isMine := attempt != nil && (bytes.Equal(ref, attempt.m1Sum) || bytes.Equal(ref, attempt.m3Sum))
	switch {
	case !isPlain:
		s.stream.drop(dropAlert)
	case code == pb.AlertCode_ALERT_CODE_NO_SESSION:
		isRecent := now < s.lastStart+TimerStartGap || now < s.lastSwitch+TimerStartGap
		s.wants = s.wants || attempt == nil && !isRecent
	case !isMine:
		s.stream.drop(dropAlert)
	default:
		s.tell(Notice{fmt.Sprintf("plain alert %d of the POS", code)})
		if attempt.m3 == nil {
			s.reactToM1(code, now)
		} else {
			s.reactToM3(code, now)
		}
	}
}

func (s *hisSession) reactToM1(code pb.AlertCode, now int64) {
	switch code {
	case pb.AlertCode_ALERT_CODE_BUSY:
		s.busyUntil = now + TimerBusyWait
	case pb.AlertCode_ALERT_CODE_AGREEMENT:
		s.refused[string(s.attempt.terms.Hash)] = true
		s.giveUp(true)
		isLeft := func(terms Terms) bool { return !s.refused[string(terms.Hash)] }
		if !slices.ContainsFunc(s.agreements, isLeft) {
			clear(s.refused)
			s.block(now + TimerAlertWait)
		}
	case pb.AlertCode_ALERT_CODE_HANDSHAKE_FAILURE, pb.AlertCode_ALERT_CODE_NO_HANDSHAKE:
	default:
		s.giveUp(true)
		s.block(now + TimerAlertWait)
	}
}

func (s *hisSession) reactToM3(code pb.AlertCode, now int64) {
	switch code {
	case pb.AlertCode_ALERT_CODE_HANDSHAKE_FAILURE:
		s.giveUp(false)
		s.fail(now)
	case pb.AlertCode_ALERT_CODE_NO_HANDSHAKE:
		s.giveUp(true)
		s.lostHandshakes++
		if s.lostHandshakes > 1 {
			s.fail(now)
		}
	}
}

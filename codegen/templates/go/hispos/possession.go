package hispos

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	pb "hispos-client/internal/messages"
)

// The session of a POS on one line: it answers the key exchange and commits (key exchange, records).

// candidate is what a POS remembers from an M2 until it commits or forgets it.
type candidate struct {
	m1, m2       []byte
	responder    *responder
	zero, seenAt int64
}

// posSession is fed bytes, polled for bytes and events, and given the time when nextTimer says so.
type posSession struct {
	base
	agreements []Terms
	draw       Draw
	// Makes the SessionReady of an agreement.
	makeReady func(agreementHash []byte, now int64) *pb.Message
	// No session can be taken (KEX-25).
	isBusy    bool
	candidate *candidate
	madeAt    []int64
	liveM3    []byte
	readyAt   int64
}

func newPosSession(
	end *End, agreements []Terms, draw Draw, makeReady func(agreementHash []byte, now int64) *pb.Message,
) *posSession {
	return &posSession{base: base{end: end, own: pos}, agreements: agreements, draw: draw, makeReady: makeReady}
}

// provision takes newer files over, for key exchanges from now on (PRV-31, PRV-40).
func (s *posSession) provision(registry map[string][]byte, agreements []Terms) {
	s.end, s.agreements = s.end.with(registry), agreements
	if s.candidate != nil {
		// M3 is checked against whom the newer files name.
		s.candidate.responder.end = s.end
	}
}

func (s *posSession) opened(now int64) {
	s.closed(now)
	s.stream = newStream(pos)
	s.madeAt = nil
}

// closed: the stream is gone, and what lived on it (FRM-33).
func (s *posSession) closed(now int64) {
	s.forget()
	if s.live != nil {
		s.over(0, false, now)
	}
	s.stream = nil
}

func (s *posSession) forget() {
	if s.candidate != nil {
		s.candidate.responder.erase()
	}
	s.candidate = nil
}

func (s *posSession) feed(data []byte, now int64) {
	s.onTimer(now)
	for _, item := range s.frames(data) {
		s.take(item, now)
	}
}

func (s *posSession) take(item frame, now int64) {
	switch item.kind {
	case frameM1:
		s.takeM1(item, now)
	case frameM3:
		s.takeM3(item, now)
	case framePlainAlert:
		code, _, isPlain := plainAlert(item.body)
		if isPlain {
			s.tell(Notice{fmt.Sprintf("plain alert %d of the HIS", code)})
		} else {
			s.stream.drop(dropAlert)
		}
	default:
		s.takeRecord(item, now)
	}
}

// onTimer does what is due: it forgets (KEX-37, KEX-79).
func (s *posSession) onTimer(now int64) {
	if s.candidate != nil && now >= s.candidate.seenAt+TimerCandidateLife {
		s.forget()
	}
	s.checkAge(now)
}

func (s *posSession) nextTimer() (int64, bool) {
	var times []int64
	if s.candidate != nil {
		times = append(times, s.candidate.seenAt+TimerCandidateLife)
	}
	if s.live != nil {
		times = append(times, s.live.since+TimerSessionAgeMax)
	}
	return earliest(times)
}

func (s *posSession) takeM1(item frame, now int64) {
	if s.isBusy {
		s.stream.alert(pb.AlertCode_ALERT_CODE_BUSY, item.sum(), now)
		return
	}
	if s.candidate != nil && bytes.Equal(s.candidate.m1, item.body) {
		s.candidate.seenAt = now
		s.transmit(frameM2, s.candidate.m2)
		return
	}
	s.madeAt = slices.DeleteFunc(s.madeAt, func(at int64) bool { return now >= at+TimerCandidateWindow })
	responder := &responder{end: s.end, terms: s.agreements, draw: s.draw}
	responder.admits = func() bool { return len(s.madeAt) < LimitCandidatesMax }
	m2, err := responder.takeM1(item.body)
	var no refused
	switch {
	case errors.As(err, &no):
		s.stream.alert(no.code, item.sum(), now)
	case err != nil:
		s.stream.drop(dropHandshake)
	default:
		s.madeAt = append(s.madeAt, now)
		s.forget()
		s.candidate = &candidate{m1: item.body, m2: m2, responder: responder, zero: now, seenAt: now}
		s.transmit(frameM2, m2)
	}
}

func (s *posSession) transmit(kind byte, body []byte) {
	if _, err := s.stream.send(kind, body); err != nil {
		s.tell(Notice{err.Error()})
	}
}

func (s *posSession) takeM3(item frame, now int64) {
	switch {
	case len(item.body) > LimitM3BytesMax:
		s.stream.drop(dropHandshake)
		return
	case s.live != nil && bytes.Equal(sha256Of(item.body), s.liveM3):
		if now < s.readyAt+TimerReadyRepeatMin {
			s.stream.drop(dropHandshake)
		} else {
			s.sendReady(now)
		}
		return
	case s.candidate == nil:
		s.stream.alert(pb.AlertCode_ALERT_CODE_NO_HANDSHAKE, item.sum(), now)
		return
	}
	made, err := s.candidate.responder.takeM3(item.body)
	var no refused
	switch {
	case errors.As(err, &no):
		s.forget()
		s.tell(Notice{fmt.Sprintf("the terminal is not authentic: %s", no.why)})
		s.stream.alert(no.code, item.sum(), now)
	case err != nil:
		s.stream.drop(dropHandshake)
	default:
		s.commit(made, sha256Of(item.body), now)
	}
}

func (s *posSession) commit(made *keys, m3Hash []byte, now int64) {
	if s.live != nil {
		s.live.erase()
	}
	s.live = newLive(s.end.Crypto, made, pos)
	s.live.since, s.live.openedAt, s.live.zero = now, now, s.candidate.zero
	s.forget()
	s.liveM3 = m3Hash
	s.tell(started{made.peer, made.agreementHash, s.live.zero})
	s.sendReady(now)
}

func (s *posSession) sendReady(now int64) {
	s.readyAt = now
	s.send(encode(s.makeReady(s.live.keys.agreementHash, now)), now)
}

func (s *posSession) takeRecord(item frame, now int64) {
	plaintext, err := s.openRecord(item.body, now)
	switch err {
	case nil:
		s.takePlaintext(plaintext, now)
	case dropped{dropStale}:
		s.stream.alert(pb.AlertCode_ALERT_CODE_NO_SESSION, item.sum(), now)
	}
}

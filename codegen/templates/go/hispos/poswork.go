package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// How a POS link works: what comes is handled in its order, and nothing goes out before what it rests on is durable.

// work does one input, then what the session gave, then what fell due meanwhile.
func (l *PosLink) work(now int64, input func(instant)) {
	clock := instant{now, l.config.Unix()}
	due, isSet := earliest(l.flow.deadlines(l.now))
	l.goOn(clock)
	input(clock)
	l.drain(clock)
	if isSet && due <= now && l.isIdle() {
		l.step(clock, l.flow.tick)
		l.drain(clock)
	}
	l.now = now
	if l.isIdle() {
		l.report(now)
	}
	l.drain(clock)
}

// isIdle: the journal is durable, and nothing waits for it.
func (l *PosLink) isIdle() bool { return l.broken == nil && len(l.pending) == 0 && l.book.isDurable() }

// whenDurable does something now, or in its order once the journal is durable.
func (l *PosLink) whenDurable(clock instant, work func(instant)) {
	if l.broken == nil && !l.isIdle() {
		l.pending = append(l.pending, work)
		return
	}
	work(clock)
}

// goOn does what waited for the journal.
func (l *PosLink) goOn(clock instant) {
	for l.broken == nil && l.book.isDurable() {
		switch {
		case len(l.pending) > 0:
			next := l.pending[0]
			l.pending = l.pending[1:]
			next(clock)
		case len(l.inbox) > 0:
			next := l.inbox[0]
			l.inbox = l.inbox[1:]
			l.take(next, clock)
		default:
			return
		}
	}
}

// receive: messages are handled in their order, and wait for the journal; at most 8 requests do (MSG-9, MSG-19). A repeat
// whose earlier copy waits is left out (MSG-10).
func (l *PosLink) receive(message *pb.Message, clock instant) {
	isTaken, isTooMany := waitsFor(l.inbox, message)
	// The report's call ends as its answer comes: a later session counts its own.
	l.reports.answered(message.ReplyTo)
	switch {
	case isTooMany:
		l.session.finish(pb.AlertCode_ALERT_CODE_LIMIT, clock.now)
	case isTaken:
		l.inbox = append(l.inbox, message)
		l.goOn(clock)
	}
}

// step makes what the flow wants durable, and then does the rest.
func (l *PosLink) step(clock instant, run func(instant, *effects)) {
	if l.broken != nil {
		return
	}
	effects := &effects{}
	run(clock, effects)
	l.carryOut(effects, nil, clock)
}

func (l *PosLink) carryOut(effects *effects, reply *pb.Message, clock instant) {
	if err := l.book.commit(nil, effects.writes, clock.unix); err != nil {
		l.broken = err
		l.session.isBusy = true
		l.tell(Notice{"alarm: " + err.Error()})
		return
	}
	if !l.book.isDurable() {
		// What follows comes before anything else that waits; a reply goes out in its own session alone.
		asker := l.session.live
		follows := func(clock instant) {
			if asker != l.session.live {
				reply = nil
			}
			l.follow(effects, reply, clock)
		}
		l.pending = append([]func(instant){follows}, l.pending...)
		return
	}
	l.follow(effects, reply, clock)
}

// follow does what follows from a step that is durable.
func (l *PosLink) follow(effects *effects, reply *pb.Message, clock instant) {
	if reply != nil {
		l.send(reply, clock.now)
	}
	for _, item := range effects.then {
		switch item := item.(type) {
		case Ask:
			l.asks = append(l.asks, item)
		case *pb.OrderState:
			l.tell(Progress{item.OrderNo, item.Stage, item.SecondsLeft})
			l.send(&pb.Message{Body: &pb.Message_OrderState{OrderState: item}}, clock.now)
		case reportNow:
			l.reports.now(item.orderNo, clock.now)
		default:
			l.tell(item)
		}
	}
}

// send says something in the session, once the HIS is known to have switched (KEX-65).
func (l *PosLink) send(message *pb.Message, now int64) {
	if l.live != nil && l.session.live == l.live && l.live.opener.last != nothingOpenedYet {
		l.session.send(encode(message), now)
	}
}

// forgetRequests: they are answered in their session alone; what HIS confirmed counts also behind its end (MSG-13, MSG-16).
func (l *PosLink) forgetRequests() {
	l.inbox = slices.DeleteFunc(l.inbox, func(item *pb.Message) bool { return item.ReplyTo == 0 })
}

// drain takes over what the session received.
func (l *PosLink) drain(clock instant) {
	for item := l.session.pollEvent(); item != nil; item = l.session.pollEvent() {
		switch item := item.(type) {
		case started:
			l.forgetRequests()
			l.live, l.isSynced = l.session.live, false
			l.reports = newReports(clock.now)
			l.tell(Up{item.peer})
		case ended:
			l.forgetRequests()
			l.live, l.isSynced = nil, false
			l.tell(Down{})
		case received:
			// A request is answered in the session in which it came alone; what HIS confirmed as its last word counts.
			isOpen := item.live == l.session.live || item.message.ReplyTo != 0
			if l.broken == nil && item.live == l.live && isOpen {
				l.receive(item.message, clock)
			}
		default:
			l.tell(item)
		}
	}
}

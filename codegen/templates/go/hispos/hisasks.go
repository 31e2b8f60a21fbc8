package hispos

import (
	"bytes"
	"slices"

	pb "hispos-client/internal/messages"
)

// What the HIS asks, and when.

// open are the orders of this device that have not ended, and those that it is asked about beside their own (ORD-71).
func (l *HisLink) open() []hisOrder {
	return slices.DeleteFunc(l.Ledger.openOrders(), func(order hisOrder) bool {
		isNamed := order.State == pb.HisState_HIS_STATE_ASKING && slices.Contains(order.Devices, l.deviceID)
		return !l.isOwn(order) && !isNamed
	})
}

func (l *HisLink) isOwn(order hisOrder) bool { return order.core.DeviceId == l.deviceID }

func (l *HisLink) work(now int64) {
	for item := l.session.pollEvent(); item != nil; item = l.session.pollEvent() {
		switch item := item.(type) {
		case started:
			l.begin(item, now)
		case ended:
			l.forget()
			l.tell(Down{})
		case received:
			// A request is answered in the session in which it came alone (MSG-13), and calls are forgotten with it.
			if l.broken == nil && item.live == l.session.live {
				l.receive(item.message, now)
			}
		default:
			l.tell(item)
		}
	}
	l.now = now
	l.goOn(now)
	isDurable := l.broken == nil && l.Ledger.book.isDurable()
	if isDurable {
		l.passDeadlines(now)
	}
	if isDurable && l.broken == nil {
		l.stored(l.Ledger.endWaiting(now))
		l.Ledger.alarmUnposted()
		l.tellAlarms()
	}
	if l.broken != nil || !l.session.isLive() {
		return
	}
	if isDurable {
		l.dropStale(now)
		l.repeat(now)
	}
	if !l.isSynced || l.Ledger.isHalted {
		return
	}
	for _, step := range []func(int64){l.pullAfterWait, l.lookElsewhere, l.askAboutOrders, l.lookAgain} {
		if isDurable && l.broken == nil {
			step(now)
		}
	}
	if l.broken == nil {
		l.ping(now)
	}
}

// receive: messages are handled in their order, and wait for the ledger; at most 8 requests do (MSG-9, MSG-19). A repeat
// whose earlier copy waits is left out (MSG-10).
func (l *HisLink) receive(message *pb.Message, now int64) {
	isTaken, isTooMany := waitsFor(l.inbox, message)
	switch {
	case isTooMany:
		l.session.finish(pb.AlertCode_ALERT_CODE_LIMIT, now)
	case isTaken:
		l.inbox = append(l.inbox, message)
		l.goOn(now)
	}
}

// goOn says and takes what waited for the ledger.
func (l *HisLink) goOn(now int64) {
	isDurable := func() bool { return l.broken == nil && l.Ledger.book.isDurable() }
	for len(l.held) > 0 && isDurable() {
		next := l.held[0]
		l.held = l.held[1:]
		l.say(next, now)
	}
	for len(l.inbox) > 0 && isDurable() {
		next := l.inbox[0]
		l.inbox = l.inbox[1:]
		l.take(next, now)
	}
}

func (l *HisLink) begin(session started, now int64) {
	l.forget()
	l.tell(Up{session.peer})
	l.zero, l.sentAt = session.zero, now
	for _, agreement := range l.Ledger.site.serving() {
		if bytes.Equal(agreement.Hash, session.agreementHash) {
			l.agreement = agreement
		}
	}
	if l.broken == nil {
		l.sendSync(now)
	}
}

// dropStale: another link, or people, changed an order: its open call is dropped (ORD-74).
func (l *HisLink) dropStale(now int64) {
	for _, open := range l.calls.inOrder() {
		if open.orderNo == "" || open.isDropped || open.state == 0 {
			continue
		}
		if order := l.Ledger.order(open.orderNo); order == nil || order.State != open.state {
			l.dropCalls(open.orderNo, now)
		}
	}
}

// enter: an order enters another state: its open call is dropped, and it is asked about anew (ORD-74).
func (l *HisLink) enter(orderNo string, state pb.HisState, rejected pb.RejectCode, now int64) {
	l.stored(l.Ledger.setState(orderNo, state, rejected))
	l.dropCalls(orderNo, now)
}

func (l *HisLink) dropCalls(orderNo string, now int64) {
	l.calls.drop(orderNo, now)
	delete(l.told, orderNo)
	delete(l.askFrom, orderNo)
}

// passDeadlines sees lease ends, and submits that come too late (ORD-178, ORD-180).
func (l *HisLink) passDeadlines(now int64) {
	for _, order := range l.open() {
		switch {
		case order.State == pb.HisState_HIS_STATE_ASKING:
		case now >= int64(order.LeasedUntil):
			l.enter(order.number, pb.HisState_HIS_STATE_ASKING, 0, now)
		case order.State == pb.HisState_HIS_STATE_SENT && now >= int64(order.StartBy) && l.calls.wouldSubmit(order.number, now):
			l.enter(order.number, pb.HisState_HIS_STATE_CANCELLING, 0, now)
		}
	}
}

func (l *HisLink) request(message *pb.Message, orderNo string, now int64) {
	l.calls.forgetLost(now)
	state := pb.HisState(0)
	if order := l.Ledger.order(orderNo); order != nil {
		state = order.State
	}
	if made := l.calls.make(message, orderNo, state, now); made != nil {
		l.say(made.message, now)
	}
}

// say sends, once what the message rests on is durable (ORD-8).
func (l *HisLink) say(message *pb.Message, now int64) {
	if !l.Ledger.book.isDurable() {
		l.held = append(l.held, message)
		return
	}
	l.transmit(message, now)
}

func (l *HisLink) transmit(message *pb.Message, now int64) {
	if confirm := message.GetConfirmResult(); confirm != nil {
		// Of the latest durable record as it goes out, which is behind the result.
		confirm.Ledger = l.Ledger.book.Anchor()
	}
	if l.session.send(encode(message), now) {
		l.sentAt = now
	}
}

func (l *HisLink) repeat(now int64) {
	for _, due := range l.calls.repeats(now) {
		l.say(due.message, now)
	}
	l.calls.forgetLost(now)
	for l.calls.hasRoom() && len(l.calls.waiting) > 0 {
		next := l.calls.waiting[0]
		l.calls.waiting = l.calls.waiting[1:]
		l.request(next.message, next.orderNo, now)
	}
}

func (l *HisLink) sendSync(now int64) {
	sync := &pb.Sync{Ledger: l.Ledger.book.Anchor(), JournalSeen: l.Ledger.peer(l.deviceID).Anchor}
	l.request(&pb.Message{Body: &pb.Message_Sync{Sync: sync}}, "", now)
}

func (l *HisLink) list(now int64) {
	peer := l.Ledger.peer(l.deviceID)
	body := &pb.ListOrders{Book: peer.PulledBook, Seq: peer.PulledSeq}
	l.request(&pb.Message{Body: &pb.Message_ListOrders{ListOrders: body}}, "", now)
}

// askAboutOrders sends one request for each open order, by its stored state (ORD-70, ORD-71).
func (l *HisLink) askAboutOrders(now int64) {
	for _, order := range l.open() {
		if !l.mayAsk(order, now) || now < l.askFrom[order.number] {
			continue
		}
		delete(l.askFrom, order.number)
		l.request(l.question(order, now), order.number, now)
	}
}

// mayAsk tells whether an open order is to be asked about, but for its pause.
func (l *HisLink) mayAsk(order hisOrder, now int64) bool {
	isAnswered := l.calls.asks(order.number) || l.told[order.number]
	return !isAnswered && (l.isOwn(order) || l.isQuiet(order, now))
}

// askDue are the ends of the pauses; an order may have ended in its own, by another link or by people.
func (l *HisLink) askDue() []int64 {
	var found []int64
	for _, order := range l.open() {
		if at, isPaused := l.askFrom[order.number]; isPaused && l.mayAsk(order, l.now) {
			found = append(found, at)
		}
	}
	return found
}

func (l *HisLink) question(order hisOrder, now int64) *pb.Message {
	switch {
	case order.State == pb.HisState_HIS_STATE_CANCELLING:
		body := &pb.CancelOrder{Core: order.Core, Run: order.Run, Search: order.Search}
		return &pb.Message{Body: &pb.Message_CancelOrder{CancelOrder: body}}
	case order.State == pb.HisState_HIS_STATE_ASKING:
		return &pb.Message{Body: &pb.Message_LookUp{LookUp: &pb.LookUp{Core: order.Core}}}
	case l.madeHere[order.number] && now < int64(order.StartBy):
		body := &pb.SubmitOrder{
			Core: order.Core, TerminalId: order.TerminalId, Run: order.Run, Search: order.Search,
			StartBy: uint32(max(int64(order.StartBy)-l.zero, 0) / 1000),
		}
		return &pb.Message{Body: &pb.Message_SubmitOrder{SubmitOrder: body}}
	}
	hashed := orderHash(l.Ledger.site.id(), order.Core)
	body := &pb.QueryOrder{OrderNo: order.number, OrderHash: hashed}
	return &pb.Message{Body: &pb.Message_QueryOrder{QueryOrder: body}}
}

// ping when nothing was sent for 10 s (ORD-76, ORD-77).
func (l *HisLink) ping(now int64) {
	if l.calls.hasPing() || now < l.sentAt+TimerPingAfter {
		return
	}
	ping := &pb.Ping{}
	if now >= l.anchorPinged+TimerPingAnchorGap {
		ping.Ledger, l.anchorPinged = l.Ledger.book.Anchor(), now
	}
	l.calls.forgetLost(now)
	// A ping rests on nothing: it names the latest durable record.
	if made := l.calls.make(&pb.Message{Body: &pb.Message_Ping{Ping: ping}}, "", 0, now); made != nil {
		l.transmit(made.message, now)
	}
}

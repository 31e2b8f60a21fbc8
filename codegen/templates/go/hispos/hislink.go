package hispos

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// The HIS end of a link: calls, Sync, orders, lists and pings over one session and one ledger (messages, orders).

// OrderEnded: an order has ended, and its result is durable. Its row says how.
type OrderEnded struct{ OrderNo string }

// Rejected: the POS refused a request about an order. The order has not ended.
type Rejected struct {
	OrderNo string
	Code    pb.RejectCode
}

const askAgainAfter = 60_000

// HisLink is one terminal of the HIS and its device. Feed bytes, poll bytes and events, give commands and the time.
type HisLink struct {
	Ledger     *Ledger
	session    *hisSession
	terminalID string
	deviceID   string
	events     []Event
	// When an anchor was pinged.
	anchorPinged int64
	// A ledger that could not be written: nothing more is done.
	broken error

	// What a session leaves behind: nothing but what is stored (MSG-14).
	calls    calls
	run      []byte
	zero     int64
	isSynced bool
	sentAt   int64
	madeHere map[string]bool
	told     map[string]bool
	askFrom  map[string]int64
}

// NewHisLink: the ledger's BeginRun was called at the start of the program (ORD-182). agreements are the serving ones,
// the newest first.
func NewHisLink(end *End, deviceID string, agreements []Terms, draw Draw, ledger *Ledger) *HisLink {
	link := &HisLink{
		Ledger: ledger, session: newHisSession(end, deviceID, agreements, draw),
		terminalID: end.ID, deviceID: deviceID, anchorPinged: notYet,
	}
	link.forget()
	return link
}

func (l *HisLink) forget() {
	l.calls = calls{next: 1, open: map[uint32]*call{}}
	l.run, l.zero, l.isSynced, l.sentAt = nil, 0, false, 0
	l.madeHere, l.told, l.askFrom = map[string]bool{}, map[string]bool{}, map[string]int64{}
}

// Opened: a stream is open; a serial line has settled.
func (l *HisLink) Opened(now int64) { l.session.opened(now) }

// Closed: the stream is gone.
func (l *HisLink) Closed(now int64) {
	l.session.closed(now)
	l.work(now)
}

// Feed takes bytes of the line.
func (l *HisLink) Feed(data []byte, now int64) {
	l.session.feed(data, now)
	l.work(now)
}

// OnTimer does what is due.
func (l *HisLink) OnTimer(now int64) {
	l.session.onTimer(now)
	l.work(now)
}

// PollTransmit gives the next bytes for the line, nil without any.
func (l *HisLink) PollTransmit() []byte { return l.session.pollTransmit() }

// PollEvent gives the next event, nil without any.
func (l *HisLink) PollEvent() Event {
	if len(l.events) == 0 {
		return nil
	}
	next := l.events[0]
	l.events = l.events[1:]
	return next
}

// NextTimer gives the instant at which OnTimer has something to do.
func (l *HisLink) NextTimer() (int64, bool) {
	times := l.calls.times()
	for _, at := range l.askFrom {
		times = append(times, at)
	}
	for _, order := range l.open() {
		if order.State != pb.HisState_HIS_STATE_ASKING {
			times = append(times, int64(order.LeasedUntil))
		}
	}
	if l.isSynced {
		times = append(times, l.sentAt+TimerPingAfter)
	}
	if at, isSet := l.session.nextTimer(); isSet {
		times = append(times, at)
	}
	return earliest(times)
}

// Err tells why the link does nothing any more: its ledger could not be written.
func (l *HisLink) Err() error { return l.broken }

// IsReady tells whether orders can be made (ORD-68).
func (l *HisLink) IsReady() bool {
	return l.isSynced && l.run != nil && !l.Ledger.isHalted && l.broken == nil
}

// IsLineUp tells whether the line is shown as up; while it is down, open orders are shown as unknown (REC-42, ORD-79).
func (l *HisLink) IsLineUp(now int64) bool { return l.session.hasHeard(now) }

// Collect makes a collect, stores it, sends it, and gives its number, or a Refusal.
func (l *HisLink) Collect(bill string, fen int64, now int64) (string, error) {
	return l.make(now, func(window window) (string, error) { return l.Ledger.makeCollect(bill, fen, window) })
}

// Refund makes a refund, stores it, sends it, and gives its number, or a Refusal.
func (l *HisLink) Refund(wanted Refund, now int64) (string, error) {
	return l.make(now, func(window window) (string, error) { return l.Ledger.makeRefund(wanted, window) })
}

func (l *HisLink) make(now int64, order func(window) (string, error)) (string, error) {
	if !l.IsReady() {
		return "", Refusal("there is no session past Sync with the terminal")
	}
	number, err := order(window{l.deviceID, l.terminalID, l.run, l.zero, now})
	if err != nil {
		return "", err
	}
	l.madeHere[number] = true
	l.work(now)
	return number, nil
}

// Cancel cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179).
func (l *HisLink) Cancel(orderNo string, now int64) error {
	order := l.Ledger.Order(orderNo)
	if order == nil || hasEnded(order) {
		return Refusal(orderNo + " is no open order")
	}
	if order.State == pb.HisState_HIS_STATE_SENT {
		l.enter(orderNo, pb.HisState_HIS_STATE_CANCELLING, 0, now)
	}
	l.work(now)
	return l.broken
}

// Ask asks about an open order again because a person wants it (ORD-72).
func (l *HisLink) Ask(orderNo string, now int64) {
	delete(l.told, orderNo)
	delete(l.askFrom, orderNo)
	l.work(now)
}

// Close ends the session in order.
func (l *HisLink) Close(now int64) {
	l.session.finish(pb.AlertCode_ALERT_CODE_UNSPECIFIED, now)
	l.work(now)
}

// stored stops the link for good if a step could not be written (ORD-10).
func (l *HisLink) stored(err error) {
	if err == nil || l.broken != nil {
		return
	}
	l.broken = err
	l.tell(Notice{"alarm: " + err.Error()})
}

func (l *HisLink) tell(event Event) { l.events = append(l.events, event) }

// open are the orders of this device that have not ended.
func (l *HisLink) open() []hisOrder {
	return slices.DeleteFunc(l.Ledger.openOrders(), func(order hisOrder) bool {
		return coreOf(order.HisOrder).DeviceId != l.deviceID
	})
}

func (l *HisLink) work(now int64) {
	for item := l.session.pollEvent(); item != nil; item = l.session.pollEvent() {
		switch item := item.(type) {
		case started:
			l.forget()
			l.zero, l.sentAt = item.zero, now
			l.sendSync(now)
		case ended:
			l.forget()
			l.tell(Down{})
		case received:
			if l.broken == nil {
				l.take(item.message, now)
			}
		default:
			l.tell(item)
		}
	}
	if l.broken != nil {
		return
	}
	l.passDeadlines(now)
	if l.session.isLive() {
		l.repeat(now)
		if l.isSynced && !l.Ledger.isHalted {
			l.askAboutOrders(now)
			l.ping(now)
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

// What HIS asks.

func (l *HisLink) request(message *pb.Message, orderNo string, now int64) {
	l.calls.forgetLost(now)
	if made := l.calls.make(message, orderNo, now); made != nil {
		l.say(made.message, now)
	}
}

func (l *HisLink) say(message *pb.Message, now int64) {
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
		if l.calls.asks(order.number) || l.told[order.number] || now < l.askFrom[order.number] {
			continue
		}
		delete(l.askFrom, order.number)
		l.request(l.question(order, now), order.number, now)
	}
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
	hashed := orderHash(l.Ledger.Site.Agreement.SiteId, order.Core)
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
	l.request(&pb.Message{Body: &pb.Message_Ping{Ping: ping}}, "", now)
}

// What comes.

func (l *HisLink) take(message *pb.Message, now int64) {
	if message.ReplyTo != 0 {
		if ended := l.calls.answered(message.ReplyTo); ended != nil {
			l.takeAnswer(ended, message, now)
		}
		return
	}
	switch body := message.Body.(type) {
	case *pb.Message_Ready:
		if body.Ready.Simulated != l.Ledger.Site.Agreement.Simulated {
			l.session.finish(pb.AlertCode_ALERT_CODE_UNSPECIFIED, now)
			return
		}
		l.run = body.Ready.Run
	case *pb.Message_OrderState:
		l.progress(body.OrderState)
	case *pb.Message_DeviceEvent:
		l.tell(Notice{"the device says: " + body.DeviceEvent.Text})
	case *pb.Message_ReportResult:
		if message.Call != 0 {
			l.takeReport(message.Call, body.ReportResult, now)
		}
	default:
		if message.Call != 0 {
			unsupported := &pb.Message_Unsupported{Unsupported: &pb.Unsupported{}}
			l.say(&pb.Message{ReplyTo: message.Call, Body: unsupported}, now)
		}
	}
}

func (l *HisLink) progress(state *pb.OrderState) {
	if order := l.Ledger.Order(state.OrderNo); order != nil && !hasEnded(order) {
		l.tell(Progress{state.OrderNo, state.Stage, state.SecondsLeft})
	}
}

func (l *HisLink) takeReport(number uint32, report *pb.ReportResult, now int64) {
	told := toldResult{
		deviceID: l.deviceID, result: report.Result, signature: report.Signature, journal: report.Journal,
	}
	said, disposition := l.takeResult(told, now)
	if disposition == 0 || l.broken != nil {
		return
	}
	confirm := &pb.ConfirmResult{
		OrderNo:     said.OrderNo,
		ResultHash:  resultHash(report.Result),
		Disposition: disposition,
		Ledger:      l.Ledger.book.Anchor(),
	}
	l.say(&pb.Message{ReplyTo: number, Body: &pb.Message_ConfirmResult{ConfirmResult: confirm}}, now)
}

func (l *HisLink) takeResult(told toldResult, now int64) (*pb.ResultCore, pb.Disposition) {
	before := l.Ledger.OpenOrders()
	said, disposition, err := l.Ledger.takeResult(told)
	l.stored(err)
	l.tellAlarms()
	if disposition == 0 || err != nil {
		return nil, 0
	}
	order := l.Ledger.Order(said.OrderNo)
	if slices.Contains(before, said.OrderNo) && order != nil && hasEnded(order) {
		l.dropCalls(said.OrderNo, now)
		l.tell(OrderEnded{said.OrderNo})
	}
	return said, disposition
}

func (l *HisLink) tellAlarms() {
	for _, text := range l.Ledger.alarms {
		l.tell(Notice{"alarm: " + text})
	}
	l.Ledger.alarms = nil
}

func (l *HisLink) takeAnswer(ended *call, message *pb.Message, now int64) {
	switch ended.message.Body.(type) {
	case *pb.Message_Sync:
		if reply := message.GetSyncReply(); reply != nil {
			l.takeSync(reply, now)
		}
	case *pb.Message_ListOrders:
		if page := message.GetOrderList(); page != nil {
			l.takeList(page, now)
		}
	case *pb.Message_Ping:
		if pong := message.GetPong(); pong != nil {
			l.stored(l.Ledger.storeAnchor(l.deviceID, pong.Journal))
		}
	default:
		l.takeOrderAnswer(ended, message, now)
	}
}

func (l *HisLink) takeSync(reply *pb.SyncReply, now int64) {
	if l.Ledger.book.containment(reply.LedgerSeen) == missing {
		l.Ledger.isHalted = true
		l.tell(Notice{"alarm: the ledger went back; nothing is made or asked until that is declared"})
		return
	}
	l.stored(l.Ledger.storeAnchor(l.deviceID, reply.Journal))
	l.isSynced = true
	l.askAboutOrders(now)
	l.list(now)
	l.tell(Ready{})
}

func (l *HisLink) takeList(page *pb.OrderList, now int64) {
	last := uint64(0)
	for _, item := range page.Items {
		l.stored(l.Ledger.takeItem(l.deviceID, item, now))
		last = item.Seq
	}
	l.tellAlarms()
	l.stored(l.Ledger.storePull(l.deviceID, page.Book, last))
	if page.More {
		l.list(now)
	}
}

func (l *HisLink) takeOrderAnswer(ended *call, message *pb.Message, now int64) {
	number := ended.orderNo
	order := l.Ledger.Order(number)
	if order == nil || hasEnded(order) {
		return
	}
	_, isQuery := ended.message.Body.(*pb.Message_QueryOrder)
	switch body := message.Body.(type) {
	case *pb.Message_OrderState:
		if body.OrderState.OrderNo == number {
			l.told[number] = true
			l.progress(body.OrderState)
			return
		}
	case *pb.Message_SignedResult:
		signed := body.SignedResult
		told := toldResult{deviceID: l.deviceID, result: signed.Result, signature: signed.Signature}
		if _, disposition := l.takeResult(told, now); disposition != 0 {
			return
		}
	case *pb.Message_NoRecord:
		if isQuery {
			l.takeNoRecord(number, order, body.NoRecord.Run, now)
			return
		}
	case *pb.Message_Rejected:
		l.takeRejected(ended, body.Rejected.Code, now)
		return
	}
	l.askFrom[number] = now + askAgainAfter
}

// takeNoRecord: the order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181).
func (l *HisLink) takeNoRecord(number string, order *pb.HisOrder, run []byte, now int64) {
	switch {
	case order.State != pb.HisState_HIS_STATE_SENT:
		l.askFrom[number] = now + askAgainAfter
	case !bytes.Equal(run, order.Run):
		l.enter(number, pb.HisState_HIS_STATE_ASKING, 0, now)
	case now >= int64(order.StartBy):
		l.enter(number, pb.HisState_HIS_STATE_CANCELLING, 0, now)
	default:
		l.madeHere[number] = true
	}
}

// takeRejected does what follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184).
func (l *HisLink) takeRejected(ended *call, code pb.RejectCode, now int64) {
	number := ended.orderNo
	l.tell(Rejected{number, code})
	if code == pb.RejectCode_REJECT_CODE_MALFORMED || code == pb.RejectCode_REJECT_CODE_WRONG_DEVICE {
		l.tell(Notice{fmt.Sprintf("alarm: %s was rejected with %d, which was checked here", number, code)})
	}
	if code == pb.RejectCode_REJECT_CODE_CONFLICT {
		// ORD-185 is not here yet: the order stays unknown, and nothing of its bill is made.
		l.tell(Notice{"alarm: the terminal holds another order under " + number + "; people are needed"})
		l.told[number] = true
		return
	}
	switch ended.message.Body.(type) {
	case *pb.Message_SubmitOrder:
		l.enter(number, pb.HisState_HIS_STATE_CANCELLING, code, now)
	case *pb.Message_CancelOrder:
		l.enter(number, pb.HisState_HIS_STATE_ASKING, code, now)
	default:
		l.askFrom[number] = now + askAgainAfter
	}
}

// resultOf gives the result of an order's row.
func resultOf(order *pb.HisOrder) *pb.ResultCore {
	said := &pb.ResultCore{}
	if order == nil || proto.Unmarshal(order.Result, said) != nil {
		return nil
	}
	return said
}

// Result gives what an ended order's device signed, nil before its end.
func (l *Ledger) Result(orderNo string) *pb.ResultCore {
	order := l.Order(orderNo)
	if order == nil || len(order.Result) == 0 {
		return nil
	}
	return resultOf(order)
}

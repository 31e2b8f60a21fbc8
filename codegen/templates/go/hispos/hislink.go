package hispos

import (
	"errors"

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

// Pulled: the device's list was pulled to its end.
type Pulled struct{}

// TotalsTold is what the device counts for a business day (ORD-246).
type TotalsTold struct {
	BusinessDay uint32
	Totals      *pb.Totals
}

// Alarms of a HIS.
const (
	AlarmLedgerWentBack = "ledger_went_back"
	AlarmNotAuthentic   = "not_authentic"
	AlarmOrphan         = "orphan"
	AlarmContradiction  = "contradiction"
	AlarmRefused        = "refused"
	AlarmConflict       = "conflict"
	AlarmUnposted       = "unposted"
)

const (
	askAgainAfter = 60_000
	// Of the run of a POS; one of another length counts as none.
	runBytes = 4
)

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
	now    int64
	// What came and was said while the ledger was not durable.
	inbox, held []*pb.Message

	// What a session leaves behind: nothing but what is stored (MSG-14).
	calls    calls
	run      []byte
	zero     int64
	isSynced bool
	sentAt   int64
	madeHere map[string]bool
	told     map[string]bool
	askFrom  map[string]int64
	// The agreement of the session, nil if it is not held.
	agreement *Agreement
	// Later looks that were asked for, by the number of looks before, and those that the device really makes.
	looked    map[string]uint32
	looksTold map[string]bool
	// The pull began behind the wait after a step back.
	pullCounts bool
}

// NewHisLink: the ledger's BeginRun was called at the start of the program (ORD-182).
func NewHisLink(end *End, deviceID string, draw Draw, ledger *Ledger) *HisLink {
	link := &HisLink{
		Ledger: ledger, session: newHisSession(end, deviceID, termsOf(ledger.site.serving()), draw),
		terminalID: end.ID, deviceID: deviceID, anchorPinged: notYet,
	}
	link.forget()
	return link
}

func (l *HisLink) forget() {
	l.calls = calls{next: 1, open: map[uint32]*call{}}
	l.run, l.zero, l.isSynced, l.sentAt = nil, 0, false, 0
	l.madeHere, l.told, l.askFrom = map[string]bool{}, map[string]bool{}, map[string]int64{}
	l.agreement, l.pullCounts = nil, false
	l.inbox, l.held = nil, nil
	l.looked, l.looksTold = map[string]uint32{}, map[string]bool{}
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

// Persisted: a LateStorage has made durable what it was given.
func (l *HisLink) Persisted(now int64) { l.work(now) }

// PollTransmit gives the next bytes for the line, nil without any.
func (l *HisLink) PollTransmit() []byte { return l.session.pollTransmit() }

// PollEvent gives the next event, nil without any and while the ledger is not durable (ORD-8).
func (l *HisLink) PollEvent() Event {
	if len(l.events) == 0 || l.broken == nil && !l.Ledger.book.isDurable() {
		return nil
	}
	next := l.events[0]
	l.events = l.events[1:]
	return next
}

// NextTimer gives the instant at which OnTimer has something to do.
func (l *HisLink) NextTimer() (int64, bool) {
	if !l.Ledger.book.isDurable() {
		return l.nextTimerMeanwhile()
	}
	times := l.calls.times()
	for _, order := range l.open() {
		if order.State != pb.HisState_HIS_STATE_ASKING {
			times = append(times, int64(order.LeasedUntil))
		}
	}
	if at, isWaiting := l.Ledger.waitEnds(); isWaiting {
		times = append(times, at)
	}
	if at, isWaiting := l.Ledger.unpostedDue(l.now); isWaiting {
		times = append(times, at)
	}
	if l.isSynced && !l.Ledger.isHalted {
		if !l.calls.hasPing() {
			times = append(times, l.sentAt+TimerPingAfter)
		}
		times = append(times, l.askDue()...)
		times = append(times, l.elsewhereDue()...)
		times = append(times, l.looksDueAt()...)
	}
	if at, isSet := l.session.nextTimer(); isSet {
		times = append(times, at)
	}
	return earliest(times)
}

// nextTimerMeanwhile is that of a link whose ledger is not durable: the session and pings go on.
func (l *HisLink) nextTimerMeanwhile() (int64, bool) {
	var times []int64
	if at, isSet := l.session.nextTimer(); isSet {
		times = append(times, at)
	}
	if l.isSynced && !l.Ledger.isHalted && !l.calls.hasPing() {
		times = append(times, l.sentAt+TimerPingAfter)
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

// Collect makes a collect, stores it, sends it, and gives its number, or a Refusal. With a LateStorage the number is not to
// be told before Persisted. day is the business day from a person,
// needed where there is no calendar clock; 0: today (ORD-164).
func (l *HisLink) Collect(bill string, fen int64, day uint32, now int64) (string, error) {
	return l.make(day, now, func(window window) (string, error) { return l.Ledger.makeCollect(bill, fen, window) })
}

// Refund makes a refund, stores it, sends it, and gives its number, or a Refusal. day is as for Collect.
func (l *HisLink) Refund(wanted Refund, day uint32, now int64) (string, error) {
	return l.make(day, now, func(window window) (string, error) { return l.Ledger.makeRefund(wanted, window) })
}

func (l *HisLink) make(day uint32, now int64, order func(window) (string, error)) (string, error) {
	switch {
	case l.Ledger.isHalted:
		return "", Refusal{ReasonRestoring, "the ledger went back: a person has to declare the restore"}
	case !l.IsReady():
		return "", errNoSession
	case l.agreement == nil:
		return "", Refusal{ReasonOther, "the agreement of the session is not held"}
	}
	number, err := order(window{l.deviceID, l.terminalID, l.run, l.zero, now, l.agreement, day})
	if err != nil {
		if refusal := (Refusal{}); !errors.As(err, &refusal) {
			l.stored(err)
		}
		return "", err
	}
	l.madeHere[number] = true
	l.work(now)
	return number, nil
}

var errNoSession = Refusal{ReasonNoSession, "there is no session past Sync with the terminal"}

// Cancel cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179).
func (l *HisLink) Cancel(orderNo string, now int64) error {
	order := l.Ledger.Order(orderNo)
	if order == nil || hasEnded(order) {
		return Refusal{ReasonUnknownOrder, orderNo + " is no open order"}
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

// LookUp has this device look up an order of another device (ORD-215 to ORD-217).
func (l *HisLink) LookUp(orderNo string, now int64) error {
	if !l.isSynced {
		return errNoSession
	}
	if err := l.Ledger.askElsewhere(orderNo, l.deviceID, now); err != nil {
		return err
	}
	l.Ask(orderNo, now)
	return l.broken
}

// Pull pulls the device's list of orders; Pulled comes.
func (l *HisLink) Pull(now int64) error {
	if !l.isSynced {
		return errNoSession
	}
	l.beginPull(now)
	l.work(now)
	return l.broken
}

// Totals asks what the device counts for a business day; TotalsTold comes.
func (l *HisLink) Totals(day uint32, now int64) error {
	if !l.isSynced {
		return errNoSession
	}
	totals := &pb.Message_GetTotals{GetTotals: &pb.GetTotals{BusinessDay: day}}
	l.request(&pb.Message{Body: totals}, "", now)
	return l.broken
}

// Provision takes newer agreements and manifests over for new sessions and orders (PRV-31, PRV-40).
func (l *HisLink) Provision(site *Site, now int64) {
	l.Ledger.site = site
	l.session.provision(site.Devices.Registry(), termsOf(site.serving()))
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

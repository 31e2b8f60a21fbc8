package hispos

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// The POS end of a link: requests, reports and the order flow over one session and one journal (messages, orders).

// Accepted: a new order is durable; the patient then looks for a code. The amount collects if positive.
type Accepted struct {
	OrderNo string
	Amount  int64
}

// Ended: an order has ended, and its signed result is durable.
type Ended struct {
	OrderNo string
	Result  *pb.ResultCore
}

// Answered: HIS has recorded or kept a result.
type Answered struct {
	OrderNo     string
	Disposition pb.Disposition
}

// MerchantChanged: a merchant's credentials were verified, or refused.
type MerchantChanged struct {
	Merchant   Merchant
	IsVerified bool
}

// Alarms of a POS.
const (
	AlarmJournalWentBack = "journal_went_back"
	AlarmNumberKnown     = "number_known"
	AlarmUnconfirmed     = "unconfirmed"
)

// PosConfig is what a POS takes part with. The journal was begun before.
type PosConfig struct {
	End *End
	// 16 bytes that are others behind each boot of the machine.
	Boot     []byte
	Software string
	// The newest first; the first two serve.
	Agreements []*Agreement
	Terminals  *Manifest
	// Those whose credentials the payment code holds.
	Merchants []Merchant
	Draw      Draw
	// The calendar clock in seconds, 0 without one.
	Unix    func() uint64
	Journal *Book
}

// BeginJournal begins a new journal under 8 random bytes; one that has begun goes on.
func BeginJournal(book *Book, bookID []byte, unix uint64) error {
	if !book.IsNew() {
		return nil
	}
	return book.begin(bookID, unix)
}

// PosLink is one terminal: feed bytes, poll bytes, questions and events, give answers, codes and the time.
type PosLink struct {
	config     PosConfig
	session    *posSession
	flow       *posFlow
	reports    *reports
	book       *Book
	run        []byte
	siteID     string
	ledgerSeen []byte
	// The session that has begun, and whether Sync has come in it.
	live     *live
	isSynced bool
	now      int64
	broken   error
	// What came while the journal was not durable, and what follows when it is.
	inbox   []*pb.Message
	pending []func(instant)
	// New orders are refused.
	isLowOnRoom bool
	events      []Event
	asks        []Ask
}

// NewPosLink loads what an earlier run left open.
func NewPosLink(config PosConfig, now int64) (*PosLink, error) {
	if len(config.Agreements) == 0 || len(config.Boot) != 16 {
		return nil, errors.New("an agreement and 16 bytes of the boot are needed")
	}
	l := &PosLink{
		config: config, book: config.Journal, run: config.Draw(4), siteID: config.Agreements[0].SiteId,
		reports: newReports(now), now: now,
	}
	context := &context{
		crypto: config.End.Crypto, deviceID: config.End.ID, seed: config.End.SigningKey, agreements: config.Agreements,
		merchants: config.Merchants, verified: map[Merchant]bool{}, boot: config.Boot, run: l.run, started: now,
		isAnchored: true, dates: map[pb.Channel]platformDate{},
	}
	l.flow = newPosFlow(context, now)
	l.session = newPosSession(config.End, termsOf(l.serving()), config.Draw, l.ready)
	peer := &pb.PeerRow{}
	if err := proto.Unmarshal(l.book.get(pb.Table_TABLE_PEER, l.siteID), peer); err != nil {
		return nil, err
	}
	l.ledgerSeen = peer.Anchor
	for _, row := range l.rowsAfter(0, math.MaxInt) {
		isDone := row.order.State == pb.PosState_POS_STATE_ENDED && row.order.Answered != 0
		if !isDone {
			l.flow.load(row.data, true, now)
		}
	}
	l.work(now, func(clock instant) { l.step(clock, l.flow.tick) })
	return l, l.broken
}

func (l *PosLink) serving() []*Agreement {
	return l.config.Agreements[:min(len(l.config.Agreements), servingMax)]
}

func (l *PosLink) ready(agreementHash []byte, _ int64) *pb.Message {
	ready := &pb.SessionReady{Run: l.run, PosTime: l.config.Unix(), Software: l.config.Software}
	for _, agreement := range l.serving() {
		if string(agreement.Hash) == string(agreementHash) {
			ready.Simulated = agreement.Simulated
		}
	}
	return &pb.Message{Body: &pb.Message_Ready{Ready: ready}}
}

type storedOrder struct {
	seq   uint64
	data  []byte
	order *pb.PosOrder
}

// rowsAfter are the orders' rows by the records that hold them, behind one, and at most so many.
func (l *PosLink) rowsAfter(seq uint64, most int) []storedOrder {
	var found []storedOrder
	for _, key := range l.book.keys(pb.Table_TABLE_ORDER) {
		if version := l.book.version(pb.Table_TABLE_ORDER, key); version > seq {
			found = append(found, storedOrder{seq: version, data: l.book.get(pb.Table_TABLE_ORDER, key)})
		}
	}
	slices.SortFunc(found, func(one, other storedOrder) int { return cmp.Compare(one.seq, other.seq) })
	found = found[:min(len(found), most)]
	for at := range found {
		found[at].order = &pb.PosOrder{}
		// A row that does not parse was never written.
		_ = proto.Unmarshal(found[at].data, found[at].order)
	}
	return found
}

// Opened: a stream is open; a serial line has settled.
func (l *PosLink) Opened(now int64) {
	l.work(now, func(instant) { l.session.opened(now) })
}

// Closed: the stream is gone.
func (l *PosLink) Closed(now int64) {
	l.work(now, func(instant) { l.session.closed(now) })
}

// Feed takes bytes of the line.
func (l *PosLink) Feed(data []byte, now int64) {
	l.work(now, func(instant) { l.session.feed(data, now) })
}

// OnTimer does what is due.
func (l *PosLink) OnTimer(now int64) {
	l.work(now, func(clock instant) {
		l.session.onTimer(now)
		if l.isIdle() {
			l.step(clock, l.flow.tick)
		}
	})
}

// Answer takes what came of a question.
func (l *PosLink) Answer(answer Answer, now int64) {
	answer.ProviderCode = visible(answer.ProviderCode)
	l.work(now, func(clock instant) {
		l.whenDurable(clock, func(clock instant) {
			l.step(clock, func(at instant, effects *effects) { l.flow.answer(&answer, at, effects) })
		})
	})
}

// Scan takes a text that was scanned. It tells what the patient is told if it is no payment code, or "no order waits".
func (l *PosLink) Scan(text string, now int64) error {
	channel, digits, told := readCode(text)
	if channel == 0 {
		return Refusal{ReasonOther, told}
	}
	return l.ScanCode(channel, Secret(digits), now)
}

// ScanCode takes a payment code whose channel is known.
func (l *PosLink) ScanCode(channel pb.Channel, digits Secret, now int64) error {
	if !l.isIdle() {
		return Refusal{ReasonOther, "the journal is being written: show it again"}
	}
	if l.flow.waiting() == nil {
		return Refusal{ReasonNoOrderWaits, "no order waits"}
	}
	isTaken := false
	l.work(now, func(clock instant) {
		l.step(clock, func(at instant, effects *effects) { isTaken = l.flow.scan(channel, digits, at, effects) })
	})
	if !isTaken {
		return Refusal{ReasonOther, "the channel has no merchant"}
	}
	return nil
}

// SetRoom tells whether there is room to store new orders.
func (l *PosLink) SetRoom(isThere bool) { l.isLowOnRoom = !isThere }

// Provision takes newer agreements, terminals or credentials over, also while a session lives (PRV-31, PRV-40). Every
// merchant is verified again (PAY-33).
func (l *PosLink) Provision(agreements []*Agreement, terminals *Manifest, merchants []Merchant, now int64) {
	l.config.Agreements, l.config.Terminals, l.config.Merchants = agreements, terminals, merchants
	registry := terminals.Registry()
	if l.live != nil && registry[l.live.keys.peer] == nil {
		l.session.finish(pb.AlertCode_ALERT_CODE_UNSPECIFIED, now)
	}
	l.session.provision(registry, termsOf(l.serving()))
	l.flow.provision(agreements, merchants, now)
	l.OnTimer(now)
}

// Close ends the session in order.
func (l *PosLink) Close(now int64) {
	l.work(now, func(instant) { l.session.finish(pb.AlertCode_ALERT_CODE_UNSPECIFIED, now) })
}

// Persisted: a LateStorage has made durable what it was given.
func (l *PosLink) Persisted(now int64) { l.OnTimer(now) }

// PollTransmit gives the next bytes for the line, nil without any.
func (l *PosLink) PollTransmit() []byte { return l.session.pollTransmit() }

// PollEvent gives the next event, nil without any.
func (l *PosLink) PollEvent() Event {
	if len(l.events) == 0 {
		return nil
	}
	next := l.events[0]
	l.events = l.events[1:]
	return next
}

// PollAsk gives the next question to a platform.
func (l *PosLink) PollAsk() (Ask, bool) {
	if len(l.asks) == 0 {
		return Ask{}, false
	}
	next := l.asks[0]
	l.asks = l.asks[1:]
	return next, true
}

// Err tells why the link does nothing any more: its journal could not be written.
func (l *PosLink) Err() error { return l.broken }

// NextTimer gives the instant at which OnTimer has something to do.
func (l *PosLink) NextTimer() (int64, bool) {
	if !l.isIdle() {
		return l.session.nextTimer()
	}
	times := l.flow.deadlines(l.now)
	if at, isSet := l.session.nextTimer(); isSet {
		times = append(times, at)
	}
	if l.mayReport() {
		if at, isSet := l.reports.deadline(l.flow.unanswered, l.now); isSet {
			times = append(times, at)
		}
	}
	return earliest(times)
}

func (l *PosLink) tell(event Event) { l.events = append(l.events, event) }

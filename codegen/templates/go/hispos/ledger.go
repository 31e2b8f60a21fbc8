package hispos

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// The ledger of a HIS: its rows, and the small steps that change one of them (orders, books). Every step reads rows,
// decides, and commits what it writes as one batch before anybody is told (ORD-8, ORD-9).

const (
	secondsOfDay   = 86_400
	attentionLooks = 30
	// Of an orphan: nobody looks at it later (ORD-212).
	noLooks = ^uint32(0)
	forever = ^uint64(0)
)

var lookAfter = []uint64{600, 3_600, secondsOfDay}

// Site is what a ledger has to know of its site.
type Site struct {
	// Every agreement ever taken over, the newest first (PRV-30). They must be simulated for now.
	Agreements []*Agreement
	Devices    *Manifest
	// The site secret of derived order numbers, 32 bytes (ORD-22).
	Secret []byte
}

func (s *Site) newest() *Agreement { return s.Agreements[0] }

func (s *Site) id() string { return s.newest().SiteId }

// numbered gives the agreement of a number; the newest one for a number that was never held.
func (s *Site) numbered(agreementNo uint32) *Agreement {
	for _, agreement := range s.Agreements {
		if agreement.AgreementNo == agreementNo {
			return agreement
		}
	}
	return s.newest()
}

// serving are the two newest agreements, for new sessions (PRV-31).
func (s *Site) serving() []*Agreement { return s.Agreements[:min(len(s.Agreements), servingMax)] }

// fullLease is the largest lease of all agreements, in milliseconds.
func (s *Site) fullLease() int64 {
	longest := int64(0)
	for _, agreement := range s.Agreements {
		timers := agreement.Timers
		longest = max(longest, int64(timers.Start)+int64(timers.Act)+int64(timers.Drift))
	}
	return longest
}

// quiet is the largest T_QUIET of all agreements (ORD-215).
func (s *Site) quiet() int64 {
	longest := int64(0)
	for _, agreement := range s.Agreements {
		longest = max(longest, int64(agreement.Timers.Quiet))
	}
	return longest
}

// mayOrder tells whether a device takes new orders: it is registered and not revoked.
func (s *Site) mayOrder(deviceID string) bool {
	device, isKnown := s.Devices.Entry(deviceID)
	return isKnown && device.Revocation == 0
}

// Ledger is orders, bills and captures of one site. One goroutine uses it and its links.
type Ledger struct {
	site     *Site
	book     *Book
	crypto   Crypto
	unix     func() uint64
	alarms   []Alarm
	isHalted bool
	// When the wait after a step back is over, if the site waits.
	waitUntil int64
	index     *ledgerIndex
}

// OpenLedger begins a new book under bookID, or goes on with one. unix is the calendar clock in seconds, 0 without one.
func OpenLedger(book *Book, site *Site, crypto Crypto, unix func() uint64, bookID []byte) (*Ledger, error) {
	ledger := &Ledger{site: site, book: book, crypto: crypto, unix: unix, index: newLedgerIndex()}
	for _, table := range []pb.Table{pb.Table_TABLE_ORDER, pb.Table_TABLE_CAPTURE} {
		for _, key := range book.keys(table) {
			ledger.index.take(write{rowKey{table, key}, book.get(table, key)})
		}
	}
	book.onCommit = func(writes []write) {
		for _, item := range writes {
			ledger.index.take(item)
		}
	}
	if !book.IsNew() {
		return ledger, nil
	}
	if err := book.begin(bookID, unix()); err != nil {
		return nil, err
	}
	batch := ledger.batch()
	batch.put(pb.Table_TABLE_SITE, site.id(), &pb.SiteRow{SearchUntil: searchUntil(unix())})
	return ledger, batch.commit()
}

// searchUntil: until then the orders of a new or restored ledger carry a search (BOK-28).
func searchUntil(unix uint64) uint64 {
	if unix == 0 {
		return forever
	}
	return unix + LimitSearchDays*secondsOfDay
}

// BeginRun is called at each start of the program, before any link runs: what is open is asked about (ORD-182, BOK-27).
func (l *Ledger) BeginRun(now int64) error {
	batch := l.batch()
	for _, open := range l.openOrders() {
		open.State, open.StartBy = pb.HisState_HIS_STATE_ASKING, 0
		open.LeasedUntil = uint64(now + l.site.fullLease())
		batch.put(pb.Table_TABLE_ORDER, open.number, open.HisOrder)
	}
	l.waitUntil = now + l.site.fullLease() + l.site.quiet()
	return batch.commit()
}

// batch is the rows that one step has read, and those that it writes.
type batch struct {
	ledger *Ledger
	reads  map[rowKey]uint64
	writes []write
}

func (l *Ledger) batch() *batch { return &batch{ledger: l, reads: map[rowKey]uint64{}} }

// get parses a row as the step sees it; false if there is none.
func (b *batch) get(table pb.Table, key string, into proto.Message) bool {
	place := rowKey{table, key}
	for _, item := range b.writes {
		if item.rowKey == place {
			return proto.Unmarshal(item.row, into) == nil
		}
	}
	if _, isRead := b.reads[place]; !isRead {
		b.reads[place] = b.ledger.book.version(table, key)
	}
	return b.ledger.book.has(table, key) && proto.Unmarshal(b.ledger.book.get(table, key), into) == nil
}

// order gives an order's row, nil if there is none.
func (b *batch) order(orderNo string) *pb.HisOrder {
	order := &pb.HisOrder{}
	if !b.get(pb.Table_TABLE_ORDER, orderNo, order) {
		return nil
	}
	return order
}

// capture gives a capture row, or one that finds a capture; nil if there is none.
func (b *batch) capture(key string) *pb.CaptureRow {
	row := &pb.CaptureRow{}
	if !b.get(pb.Table_TABLE_CAPTURE, key, row) {
		return nil
	}
	return row
}

// put is a row that the step writes.
func (b *batch) put(table pb.Table, key string, row proto.Message) { b.putBytes(table, key, encode(row)) }

func (b *batch) putBytes(table pb.Table, key string, row []byte) {
	item := write{rowKey{table, key}, row}
	for at := range b.writes {
		if b.writes[at].rowKey == item.rowKey {
			b.writes[at] = item
			return
		}
	}
	b.writes = append(b.writes, item)
}

// putPeer never writes an empty row.
func (b *batch) putPeer(deviceID string, peer *pb.PeerRow) {
	if proto.Size(peer) == 0 {
		peer.PulledBook = make([]byte, bookIDBytes)
	}
	b.put(pb.Table_TABLE_PEER, deviceID, peer)
}

func (b *batch) commit() error {
	if len(b.writes) > 0 {
		b.reviseDays()
	}
	return b.ledger.book.commit(b.reads, b.writes, b.ledger.unix())
}

// hisOrder is an order's row with its number and its core.
type hisOrder struct {
	number string
	*pb.HisOrder
	core *pb.OrderCore
}

func hasEnded(order *pb.HisOrder) bool {
	switch order.State {
	case pb.HisState_HIS_STATE_PAID, pb.HisState_HIS_STATE_NOT_PAID, pb.HisState_HIS_STATE_REFUNDED,
		pb.HisState_HIS_STATE_NOT_REFUNDED, pb.HisState_HIS_STATE_ATTENTION:
		return true
	}
	return false
}

// coreOf gives the core of an order that was judged before it was stored; an orphan may have none.
func coreOf(order *pb.HisOrder) *pb.OrderCore {
	core := &pb.OrderCore{}
	if proto.Unmarshal(order.Core, core) != nil {
		return &pb.OrderCore{}
	}
	return core
}

// Order gives an order's row, nil if there is none.
func (l *Ledger) Order(orderNo string) *pb.HisOrder {
	if known := l.order(orderNo); known != nil {
		return proto.Clone(known).(*pb.HisOrder)
	}
	return nil
}

// order is the same, and is not to be changed.
func (l *Ledger) order(orderNo string) *pb.HisOrder { return l.index.orders[orderNo].HisOrder }

// HasEnded tells whether an order has ended.
func (l *Ledger) HasEnded(orderNo string) bool {
	order := l.order(orderNo)
	return order != nil && hasEnded(order)
}

// NeedsPeople tells whether an order ended so that people have to look at its money: it is neither taken nor refused.
func (l *Ledger) NeedsPeople(orderNo string) bool {
	return l.order(orderNo).GetState() == pb.HisState_HIS_STATE_ATTENTION
}

// Err tells why the ledger cannot be written any more; the program ends, and starts anew (ORD-10).
func (l *Ledger) Err() error { return l.book.broken }

// openOrders have not ended, by the time at which they were made and then by number (ORD-70). They are copies.
func (l *Ledger) openOrders() []hisOrder {
	var open []hisOrder
	for number := range l.index.open {
		order := l.index.orders[number]
		order.HisOrder = proto.Clone(order.HisOrder).(*pb.HisOrder)
		open = append(open, order)
	}
	slices.SortFunc(open, func(one, other hisOrder) int {
		return cmp.Or(cmp.Compare(one.MadeAt, other.MadeAt), cmp.Compare(one.number, other.number))
	})
	return open
}

// OpenOrders gives the numbers of those that have not ended.
func (l *Ledger) OpenOrders() []string {
	var found []string
	for _, order := range l.openOrders() {
		found = append(found, order.number)
	}
	return found
}

// Result gives what an ended order's device signed, nil before its end.
func (l *Ledger) Result(orderNo string) *pb.ResultCore {
	order := l.order(orderNo)
	if order == nil || len(order.Result) == 0 {
		return nil
	}
	return readStored(order.Result)
}

func (l *Ledger) peer(deviceID string) *pb.PeerRow {
	row := &pb.PeerRow{}
	l.batch().get(pb.Table_TABLE_PEER, deviceID, row)
	return row
}

func (l *Ledger) siteRow() *pb.SiteRow {
	row := &pb.SiteRow{}
	l.batch().get(pb.Table_TABLE_SITE, l.site.id(), row)
	return row
}

func (l *Ledger) alarm(what, orderNo string) { l.alarms = append(l.alarms, Alarm{what, orderNo}) }

// restsOnAbsence tells whether a status may be refuted by a later look; an unknown one is unknown, too (ORD-44).
func restsOnAbsence(status pb.Status) bool {
	meaning, isKnown := StatusMeanings[status]
	return !isKnown || meaning.RestsOnAbsence
}

// lookDue gives the Unix seconds from which the next later look is due (ORD-211, ORD-212).
func lookDue(order *pb.HisOrder) (uint64, bool) {
	nth := order.LookedAgain
	switch order.State {
	case pb.HisState_HIS_STATE_ATTENTION:
		return order.EndedAt + secondsOfDay*(uint64(nth)+1), !order.Orphan && nth < attentionLooks
	case pb.HisState_HIS_STATE_NOT_PAID, pb.HisState_HIS_STATE_NOT_REFUNDED:
		said := readStored(order.Result)
		if said == nil || int(nth) >= len(lookAfter) {
			return 0, false
		}
		meaning, isKnown := StatusMeanings[said.Status]
		return order.EndedAt + lookAfter[nth], isKnown && meaning.RestsOnAbsence
	}
	return 0, false
}

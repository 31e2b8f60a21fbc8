package hispos

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// The ledger of a HIS: making orders, taking results in, booking refunds (orders, books). Every step reads rows,
// decides, and commits what it writes as one batch before anybody is told (ORD-8, ORD-9).

const secondsOfDay = 86_400

// Site is what a ledger has to know of its site. The agreement is the newest one, and must be simulated for now.
type Site struct {
	Agreement *Agreement
	Devices   *Manifest
	// The site secret of derived order numbers, 32 bytes (ORD-22).
	Secret []byte
}

func (s *Site) fullLease() int64 {
	timers := s.Agreement.Timers
	return int64(timers.Start) + int64(timers.Act) + int64(timers.Drift)
}

// Ledger is orders, bills and captures of one site.
type Ledger struct {
	Site     *Site
	book     *Book
	crypto   Crypto
	unix     func() uint64
	alarms   []string
	isHalted bool
}

// OpenLedger begins a new book under bookID, or goes on with one. unix is the calendar clock in seconds.
func OpenLedger(book *Book, site *Site, crypto Crypto, unix func() uint64, bookID []byte) (*Ledger, error) {
	ledger := &Ledger{Site: site, book: book, crypto: crypto, unix: unix}
	if !book.IsNew() {
		return ledger, nil
	}
	if err := book.begin(bookID, unix()); err != nil {
		return nil, err
	}
	batch := ledger.batch()
	batch.put(pb.Table_TABLE_SITE, site.Agreement.SiteId, &pb.SiteRow{SearchUntil: unix() + LimitSearchDays*secondsOfDay})
	return ledger, batch.commit()
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

// put is a row that the step writes.
func (b *batch) put(table pb.Table, key string, row proto.Message) {
	item := write{rowKey{table, key}, encode(row)}
	for at := range b.writes {
		if b.writes[at].rowKey == item.rowKey {
			b.writes[at] = item
			return
		}
	}
	b.writes = append(b.writes, item)
}

func (b *batch) commit() error { return b.ledger.book.commit(b.reads, b.writes, b.ledger.unix()) }

// BeginRun is called at each start of the program, before any link runs: what is open is asked about (ORD-182, BOK-27).
func (l *Ledger) BeginRun(now int64) error {
	batch := l.batch()
	for _, open := range l.openOrders() {
		open.State, open.StartBy = pb.HisState_HIS_STATE_ASKING, 0
		open.LeasedUntil = uint64(now + l.Site.fullLease())
		batch.put(pb.Table_TABLE_ORDER, open.number, open.HisOrder)
	}
	return batch.commit()
}

// hisOrder is an order's row with its number.
type hisOrder struct {
	number string
	*pb.HisOrder
}

func hasEnded(order *pb.HisOrder) bool {
	switch order.State {
	case pb.HisState_HIS_STATE_PAID, pb.HisState_HIS_STATE_NOT_PAID, pb.HisState_HIS_STATE_REFUNDED,
		pb.HisState_HIS_STATE_NOT_REFUNDED, pb.HisState_HIS_STATE_ATTENTION:
		return true
	}
	return false
}

// Order gives an order's row, nil if there is none.
func (l *Ledger) Order(orderNo string) *pb.HisOrder {
	if !l.book.has(pb.Table_TABLE_ORDER, orderNo) {
		return nil
	}
	order := &pb.HisOrder{}
	if proto.Unmarshal(l.book.get(pb.Table_TABLE_ORDER, orderNo), order) != nil {
		return nil
	}
	return order
}

func (l *Ledger) orders() []hisOrder {
	var found []hisOrder
	for _, key := range l.book.keys(pb.Table_TABLE_ORDER) {
		if order := l.Order(key); order != nil {
			found = append(found, hisOrder{key, order})
		}
	}
	return found
}

// openOrders have not ended, by the time at which they were made and then by number (ORD-70).
func (l *Ledger) openOrders() []hisOrder {
	open := slices.DeleteFunc(l.orders(), func(order hisOrder) bool { return hasEnded(order.HisOrder) })
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

func (l *Ledger) peer(deviceID string) *pb.PeerRow {
	row := &pb.PeerRow{}
	l.batch().get(pb.Table_TABLE_PEER, deviceID, row)
	return row
}

// storeAnchor stores a newer anchor of a device's journal (ORD-69).
func (l *Ledger) storeAnchor(deviceID string, anchor []byte) error {
	batch := l.batch()
	batch.putAnchor(deviceID, anchor)
	return batch.commit()
}

func (b *batch) putAnchor(deviceID string, anchor []byte) {
	peer := &pb.PeerRow{}
	b.get(pb.Table_TABLE_PEER, deviceID, peer)
	if isNewerAnchor(anchor, peer.Anchor) {
		peer.Anchor = anchor
		b.put(pb.Table_TABLE_PEER, deviceID, peer)
	}
}

// storePull stores how far a device's list was pulled (ORD-223).
func (l *Ledger) storePull(deviceID string, bookID []byte, seq uint64) error {
	batch, peer := l.batch(), &pb.PeerRow{}
	batch.get(pb.Table_TABLE_PEER, deviceID, peer)
	if seq == 0 && string(peer.PulledBook) == string(bookID) {
		seq = peer.PulledSeq
	}
	peer.PulledBook, peer.PulledSeq, peer.Pulled = bookID, seq, true
	batch.put(pb.Table_TABLE_PEER, deviceID, peer)
	return batch.commit()
}

// setState moves an order that has not ended to Cancelling or Asking.
func (l *Ledger) setState(orderNo string, state pb.HisState, rejected pb.RejectCode) error {
	batch, order := l.batch(), &pb.HisOrder{}
	batch.get(pb.Table_TABLE_ORDER, orderNo, order)
	order.State = state
	if rejected != 0 {
		order.Rejected = uint32(rejected)
	}
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// MarkPosted: the bill database has made an order durable (ORD-243).
func (l *Ledger) MarkPosted(orderNo string) error {
	batch, order := l.batch(), &pb.HisOrder{}
	batch.get(pb.Table_TABLE_ORDER, orderNo, order)
	if order.Posting != pb.Posting_POSTING_UNPOSTED {
		return Refusal(orderNo + " is not to be posted")
	}
	order.Posting = pb.Posting_POSTING_POSTED
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// Unposted are orders to hand over to the bill database (ORD-242, ORD-244).
func (l *Ledger) Unposted() []string {
	var found []string
	for _, order := range l.orders() {
		if order.Posting == pb.Posting_POSTING_UNPOSTED {
			found = append(found, order.number)
		}
	}
	return found
}

func (l *Ledger) alarm(format string, values ...any) {
	l.alarms = append(l.alarms, fmt.Sprintf(format, values...))
}

package hispos

import (
	"cmp"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// ledgerIndex finds the rows that a step needs, so that none of them goes through the whole ledger. What it tells is not
// to be changed. Lists are in the order of their rows' first records (BOK-10).
type ledgerIndex struct {
	orders map[string]hisOrder
	// Which record was an order's first.
	place map[string]int
	open  map[string]bool
	// Ended orders that are looked at again, and since which Unix time.
	looks map[string]uint64
	// Orders that are unposted, those whose alarm about that is to come and its Unix time, and those that had it.
	unposted map[string]bool
	postBy   map[string]uint64
	isLate   map[string]bool
	// Orders of a bill, refunds of an order, and orders of a business day.
	ofBill, refundsOf map[string][]string
	ofDay             map[uint32][]string
	// Keys of captures, of a bill and of an order.
	capturesOfBill, capturesOfOrder map[string][]string
}

func newLedgerIndex() *ledgerIndex {
	return &ledgerIndex{
		orders: map[string]hisOrder{}, place: map[string]int{}, open: map[string]bool{}, looks: map[string]uint64{},
		unposted: map[string]bool{}, postBy: map[string]uint64{}, isLate: map[string]bool{},
		ofBill: map[string][]string{}, refundsOf: map[string][]string{}, ofDay: map[uint32][]string{},
		capturesOfBill: map[string][]string{}, capturesOfOrder: map[string][]string{},
	}
}

// take takes a row that was written.
func (i *ledgerIndex) take(item write) {
	switch item.table {
	case pb.Table_TABLE_ORDER:
		row := &pb.HisOrder{}
		if proto.Unmarshal(item.row, row) == nil {
			i.takeOrder(hisOrder{item.key, row, coreOf(row)})
		}
	case pb.Table_TABLE_CAPTURE:
		row := &pb.CaptureRow{}
		if proto.Unmarshal(item.row, row) == nil && row.PaymentNo != "" {
			note(i.capturesOfBill, row.Bill, item.key)
			note(i.capturesOfOrder, row.OrderNo, item.key)
		}
	}
}

func (i *ledgerIndex) takeOrder(order hisOrder) {
	number := order.number
	if _, isKnown := i.place[number]; !isKnown {
		i.place[number] = len(i.place)
	}
	i.orders[number] = order
	delete(i.open, number)
	if !hasEnded(order.HisOrder) {
		i.open[number] = true
	}
	delete(i.looks, number)
	if due, isSet := lookDue(order.HisOrder); isSet && len(order.Core) > 0 {
		i.looks[number] = due
	}
	delete(i.unposted, number)
	delete(i.postBy, number)
	if order.Posting == pb.Posting_POSTING_UNPOSTED {
		i.unposted[number] = true
		if order.EndedAt != 0 && !i.isLate[number] {
			i.postBy[number] = order.EndedAt + TimerUnpostedAlarm/1000
		}
	}
	note(i.ofBill, order.Bill, number)
	note(i.ofDay, order.core.BusinessDay, number)
	if order.core.RefundOf != nil {
		note(i.refundsOf, order.core.RefundOf.OrderNo, number)
	}
}

// note adds a name once. Most of the lists are short, and the latest name is the likeliest.
func note[K comparable](lists map[K][]string, key K, name string) {
	list := lists[key]
	if len(list) > 0 && list[len(list)-1] == name || slices.Contains(list, name) {
		return
	}
	lists[key] = append(list, name)
}

// inPlace gives orders by their first records.
func (i *ledgerIndex) inPlace(numbers iter.Seq[string]) []string {
	return slices.SortedFunc(numbers, func(one, other string) int { return cmp.Compare(i.place[one], i.place[other]) })
}

// found gives the orders of a list, as they are now.
func (i *ledgerIndex) found(numbers []string) []hisOrder {
	var found []hisOrder
	for _, number := range numbers {
		found = append(found, i.orders[number])
	}
	return found
}

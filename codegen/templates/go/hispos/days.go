package hispos

import (
	"bytes"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Business days of a ledger (ORD-251 to ORD-253).

func (l *Ledger) today() uint32 { return businessDay(l.site.newest().Agreement, l.unix()) }

// Day gives a closed day; an empty row if it is not closed.
func (l *Ledger) Day(day uint32) *pb.DayRow {
	row := &pb.DayRow{}
	l.batch().get(pb.Table_TABLE_DAY, dayKey(day), row)
	return row
}

func dayKey(day uint32) string { return strconv.FormatUint(uint64(day), 10) }

// CloseDay closes a day, with the list of the orders that have not ended.
func (l *Ledger) CloseDay(day uint32, by string) (*pb.DayRow, error) {
	batch, site := l.batch(), &pb.SiteRow{}
	batch.get(pb.Table_TABLE_SITE, l.site.id(), site)
	switch {
	case !isDay(day):
		return nil, Refusal{ReasonOther, "no business day"}
	case slices.Contains(site.ClosedDays, day):
		return nil, Refusal{ReasonOther, "the business day is closed"}
	}
	site.ClosedDays = append(site.ClosedDays, day)
	state := batch.dayState(day)
	state.By = by
	batch.put(pb.Table_TABLE_SITE, l.site.id(), site)
	batch.put(pb.Table_TABLE_DAY, dayKey(day), &pb.DayRow{Revision: 1, Closed: state})
	if err := batch.commit(); err != nil {
		return nil, err
	}
	return l.Day(day), nil
}

// Totals counts what the ledger has of a day; of one device alone, or of all for "".
func (l *Ledger) Totals(day uint32, deviceID string) *pb.Totals {
	var ofDay []*pb.HisOrder
	for _, order := range l.index.found(l.index.ofDay[day]) {
		if order.core.BusinessDay == day {
			ofDay = append(ofDay, order.HisOrder)
		}
	}
	return ledgerTotals(ofDay, deviceID)
}

// ledgerTotals counts every accepted result, or those that one device signed. A result by which people or an adoption
// ended an order stands in its evidence, too: the device knows it as kept.
func ledgerTotals(orders []*pb.HisOrder, deviceID string) *pb.Totals {
	count := dayCount{map[sumKey]*pb.TotalsRow{}, map[string][]byte{}, 0}
	for _, order := range orders {
		isResult := func(item *pb.Evidence) bool { return bytes.Equal(item.Result, order.Result) }
		said := readStored(order.Result)
		isKept := said == nil || slices.ContainsFunc(order.Evidence, isResult)
		if !isKept && (deviceID == "" || deviceID == said.DeviceId) {
			count.recorded(said)
		}
	}
	return count.totals()
}

// dayState is a day as the step sees it.
func (b *batch) dayState(day uint32) *pb.DayState {
	var ofDay []*pb.HisOrder
	var open []string
	numbers := slices.Clone(b.ledger.index.ofDay[day])
	for _, item := range b.writes {
		if item.table == pb.Table_TABLE_ORDER && !slices.Contains(numbers, item.key) {
			numbers = append(numbers, item.key)
		}
	}
	for _, number := range numbers {
		order := b.order(number)
		if order == nil || coreOf(order).BusinessDay != day {
			continue
		}
		ofDay = append(ofDay, order)
		if !hasEnded(order) {
			open = append(open, number)
		}
	}
	slices.Sort(open)
	totals := ledgerTotals(ofDay, "")
	return &pb.DayState{At: b.ledger.unix(), Rows: totals.Rows, Open: open, Digest: totals.Digest}
}

// reviseDays: a change to a closed day is a new revision of it, in the same transaction.
func (b *batch) reviseDays() {
	closed := b.ledger.siteRow().ClosedDays
	if len(closed) == 0 {
		return
	}
	var days []uint32
	for _, item := range b.writes {
		order := &pb.HisOrder{}
		if item.table != pb.Table_TABLE_ORDER || proto.Unmarshal(item.row, order) != nil {
			continue
		}
		if day := coreOf(order).BusinessDay; slices.Contains(closed, day) && !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	for _, day := range days {
		row, state := b.ledger.Day(day), b.dayState(day)
		latest := row.Latest
		if latest == nil {
			latest = row.Closed
		}
		if !isSameDay(state, latest) {
			row.Revision++
			row.Latest = state
			b.put(pb.Table_TABLE_DAY, dayKey(day), row)
		}
	}
}

func isSameDay(one, other *pb.DayState) bool {
	isSameRow := func(row, of *pb.TotalsRow) bool { return proto.Equal(row, of) }
	return slices.EqualFunc(one.Rows, other.GetRows(), isSameRow) && slices.Equal(one.Open, other.GetOpen()) &&
		bytes.Equal(one.Digest, other.GetDigest())
}

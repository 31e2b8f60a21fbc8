package hispos

import (
	"maps"
	"slices"

	pb "hispos-client/internal/messages"
)

// What the bill database has to take over, and when people have to know that it has not (orders, section "Posting").

// Unposted are orders to hand over to the bill database, the oldest first (ORD-242, ORD-244).
func (l *Ledger) Unposted() []string { return l.index.inPlace(maps.Keys(l.index.unposted)) }

// MarkPosted: the bill database has made an order durable (ORD-243).
func (l *Ledger) MarkPosted(orderNo string) error {
	batch := l.batch()
	order := batch.order(orderNo)
	switch {
	case order == nil:
		return Refusal{ReasonUnknownOrder, "the ledger knows no such order"}
	case order.Posting == pb.Posting_POSTING_POSTED:
		return nil
	case order.Posting != pb.Posting_POSTING_UNPOSTED:
		return Refusal{ReasonOther, orderNo + " is not to be posted"}
	}
	order.Posting = pb.Posting_POSTING_POSTED
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// alarmUnposted raises an alarm, once in a program run, for each order that is unposted for too long (ORD-245).
func (l *Ledger) alarmUnposted() {
	unix := l.unix()
	var late []string
	for number, by := range l.index.postBy {
		if unix >= by {
			late = append(late, number)
		}
	}
	for _, number := range l.index.inPlace(slices.Values(late)) {
		delete(l.index.postBy, number)
		l.index.isLate[number] = true
		l.alarm(AlarmUnposted, number)
	}
}

// unpostedDue gives the instant of the next such alarm.
func (l *Ledger) unpostedDue(now int64) (int64, bool) {
	unix, isWaiting := l.unix(), len(l.index.postBy) > 0
	if unix == 0 || !isWaiting {
		return 0, false
	}
	by := slices.Min(slices.Collect(maps.Values(l.index.postBy)))
	return now + 1000*int64(by-min(by, unix)), true
}

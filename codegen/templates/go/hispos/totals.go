package hispos

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Totals of a business day (orders, "Totals").

// moved is money that a result tells of.
type moved struct {
	channel pb.Channel
	kind    pb.Kind
	number  string
	fen     int64
}

func movedBy(said *pb.ResultCore) []moved {
	switch said.Outcome {
	case pb.Outcome_OUTCOME_PAID:
		return []moved{{said.Channel, pb.Kind_KIND_COLLECT, said.PaymentNo, said.Amount}}
	case pb.Outcome_OUTCOME_REFUNDED:
		return []moved{{said.Channel, pb.Kind_KIND_REFUND, said.OrderNo, said.Amount}}
	}
	var found []moved
	for _, capture := range said.Found {
		found = append(found, moved{capture.Channel, pb.Kind_KIND_COLLECT, capture.PaymentNo, capture.Amount})
	}
	return found
}

type sumKey struct {
	isBeyond bool
	channel  pb.Channel
	kind     pb.Kind
}

// dayCount sums what the rows of a day moved.
type dayCount struct {
	sums map[sumKey]*pb.TotalsRow
	ends map[string][]byte
	open uint32
}

func (c *dayCount) add(isBeyond bool, item moved) {
	key := sumKey{isBeyond, item.channel, item.kind}
	if c.sums[key] == nil {
		c.sums[key] = &pb.TotalsRow{Channel: item.channel, Kind: item.kind, Beyond: isBeyond}
	}
	c.sums[key].Count++
	c.sums[key].Amount += item.fen
}

// count takes one order of the day.
func (c *dayCount) count(order *pb.PosOrder, isOwn bool) {
	latest, recorded := readStored(order.Result), (*pb.ResultCore)(nil)
	if order.Recorded {
		recorded = latest
		if len(order.RecordedResult) > 0 {
			recorded = readStored(order.RecordedResult)
		}
	}
	if isOwn && recorded == nil && order.Answered == 0 {
		c.open++
	}
	var accounted []moved
	if recorded != nil {
		accounted = c.recorded(recorded)
	}
	if latest == nil {
		return
	}
	for _, item := range movedBy(latest) {
		if !slices.Contains(accounted, item) {
			c.add(true, item)
		}
	}
}

// recorded takes a result that ended its order at HIS; gives the money that it accounts for (ORD-246, ORD-250).
func (c *dayCount) recorded(said *pb.ResultCore) []moved {
	end := append([]byte{byte(len(said.OrderNo))}, said.OrderNo...)
	end = append(end, byte(said.Outcome))
	c.ends[said.OrderNo] = binary.BigEndian.AppendUint64(end, uint64(said.Amount))
	if said.Outcome != pb.Outcome_OUTCOME_PAID && said.Outcome != pb.Outcome_OUTCOME_REFUNDED {
		return nil
	}
	accounted := movedBy(said)
	for _, item := range accounted {
		c.add(false, item)
	}
	return accounted
}

// readStored gives a result that was judged before it was stored, nil without one.
func readStored(result []byte) *pb.ResultCore {
	said, err := readResult(result)
	if err != nil {
		return nil
	}
	return said
}

func (c *dayCount) totals() *pb.Totals {
	rows := slices.SortedFunc(maps.Values(c.sums), func(one, other *pb.TotalsRow) int {
		if one.Beyond != other.Beyond {
			if other.Beyond {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(one.Channel, other.Channel), cmp.Compare(one.Kind, other.Kind))
	})
	var ends []byte
	for _, number := range slices.Sorted(maps.Keys(c.ends)) {
		ends = append(ends, c.ends[number]...)
	}
	return &pb.Totals{Rows: rows, Open: c.open, Digest: sha256Of(ends)}
}

// posTotals counts the journal's orders of a day.
func posTotals(book *Book, deviceID string, day uint32) *pb.Totals {
	count := dayCount{map[sumKey]*pb.TotalsRow{}, map[string][]byte{}, 0}
	for _, key := range book.keys(pb.Table_TABLE_ORDER) {
		order := &pb.PosOrder{}
		if proto.Unmarshal(book.get(pb.Table_TABLE_ORDER, key), order) != nil {
			continue
		}
		core, err := readCore(order.Core)
		if err == nil && core.BusinessDay == day {
			count.count(order, core.DeviceId == deviceID)
		}
	}
	return count.totals()
}

package hispos

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	pb "hispos-client/internal/messages"
)

// What people decide: adopting orphans, two people's decisions, going on without a list (orders, books).

// Adopt: a bill adopts an orphan, because a person or the bill database says so (ORD-232, ORD-233).
func (l *Ledger) Adopt(orderNo, bill string) error {
	batch := l.batch()
	order := batch.order(orderNo)
	switch {
	case order == nil || !order.Orphan || len(order.Core) == 0:
		return Refusal{ReasonUnknownOrder, "no orphan of this number"}
	case len(bill) < 1 || len(bill) > billBytesMax:
		return Refusal{ReasonOther, "a bill key has 1 to 64 bytes"}
	}
	order.Orphan, order.Bill, order.LookedAgain = false, bill, 0
	if !l.endByEvidence(batch, order) {
		order.State = pb.HisState_HIS_STATE_ASKING
	}
	if coreOf(order).Amount > 0 {
		row := &pb.BillRow{}
		batch.get(pb.Table_TABLE_BILL, bill, row)
		order.Generation = row.Orders
		row.Present, row.Orders = orderNo, row.Orders+1
		batch.put(pb.Table_TABLE_BILL, bill, row)
	}
	captures := l.capturesOf(batch, orderNo)
	for _, key := range slices.Sorted(maps.Keys(captures)) {
		captures[key].Bill = bill
		batch.put(pb.Table_TABLE_CAPTURE, key, captures[key])
	}
	l.settleByEvidence(batch, orderNo, order, true)
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// endByEvidence ends an order by its newest own evidence (ORD-194, ORD-241).
func (l *Ledger) endByEvidence(batch *batch, order *pb.HisOrder) bool {
	core := coreOf(order)
	for _, newest := range slices.Backward(order.Evidence) {
		said := readStored(newest.Result)
		if said == nil || !l.hasOwnHash(order, said) || said.Amount != core.Amount {
			continue
		}
		isNewest := func(item *pb.Evidence) bool { return bytes.Equal(item.Result, newest.Result) }
		others := slices.DeleteFunc(slices.Clone(order.Evidence), isNewest)
		order.State = l.endsAs(batch, order, others, said)
		order.Result, order.Signature = newest.Result, newest.Signature
		if order.State != pb.HisState_HIS_STATE_ATTENTION {
			order.LookedAgain = 0
		}
		if order.EndedAt == 0 {
			order.EndedAt = l.unix()
		}
		order.LeasedUntil = 0
		toPost(order)
		return true
	}
	return false
}

// settleByEvidence books or releases a refund that is not booked yet (ORD-206, ORD-207).
func (l *Ledger) settleByEvidence(batch *batch, orderNo string, order *pb.HisOrder, isAdopted bool) {
	_, capture := l.original(batch, order)
	said := readStored(order.Result)
	if capture == nil || order.State == pb.HisState_HIS_STATE_ATTENTION || said == nil {
		return
	}
	if isAdopted || slices.ContainsFunc(capture.Reservations, isReservationOf(orderNo)) {
		l.settleRefund(batch, orderNo, order, said)
	}
}

// Decide: two different people decide about an order (ORD-234 to ORD-239).
func (l *Ledger) Decide(orderNo string, kind DecisionKind, first, second string) error {
	batch := l.batch()
	order := batch.order(orderNo)
	isDecided := order != nil && order.State != pb.HisState_HIS_STATE_ASKING &&
		order.State != pb.HisState_HIS_STATE_ATTENTION
	switch {
	case first == "" || second == "" || first == second:
		return Refusal{ReasonOther, "a decision needs two different people"}
	case order == nil:
		return Refusal{ReasonUnknownOrder, "the ledger knows no such order"}
	case kind != DecisionReturned && isDecided:
		return Refusal{ReasonOther, "only what is asked about or needs attention is decided"}
	}
	if err := l.carryOut(batch, orderNo, order, kind); err != nil {
		return err
	}
	at := l.unix()
	if hasEnded(order) && order.EndedAt == 0 {
		order.EndedAt = at
	}
	order.Decision = &pb.Decision{Kind: pb.DecisionKind(kind), ByFirst: first, BySecond: second, At: at}
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// DecisionKind is what two people decide about an order.
type DecisionKind pb.DecisionKind

// The decisions.
const (
	// DecisionEvidence: as the signed evidence has it.
	DecisionEvidence = DecisionKind(pb.DecisionKind_DECISION_KIND_EVIDENCE)
	// DecisionNotPaid: not paid; only if every capture of the order is returned.
	DecisionNotPaid = DecisionKind(pb.DecisionKind_DECISION_KIND_NOT_PAID)
	// DecisionKeep: as it is.
	DecisionKeep = DecisionKind(pb.DecisionKind_DECISION_KIND_KEEP)
	// DecisionReturned: its captures were returned outside the link.
	DecisionReturned = DecisionKind(pb.DecisionKind_DECISION_KIND_RETURNED)
)

func (l *Ledger) carryOut(batch *batch, orderNo string, order *pb.HisOrder, kind DecisionKind) error {
	captures := l.capturesOf(batch, orderNo)
	keys := slices.Sorted(maps.Keys(captures))
	switch kind {
	case DecisionEvidence:
		if order.Orphan {
			return Refusal{ReasonOrphan, "no bill has adopted the order: let one adopt it first"}
		}
		if !l.endByEvidence(batch, order) {
			return Refusal{ReasonOther, "no signed evidence is kept"}
		}
		l.settleByEvidence(batch, orderNo, order, false)
	case DecisionNotPaid:
		if coreOf(order).Amount < 0 {
			return Refusal{ReasonOther, "a refund is not decided as unpaid"}
		}
		for _, key := range keys {
			if !captures[key].Returned {
				return Refusal{ReasonBillCaptured, key + " is not returned"}
			}
		}
		order.State, order.LeasedUntil = pb.HisState_HIS_STATE_NOT_PAID, 0
	case DecisionKeep:
		order.State, order.LeasedUntil = pb.HisState_HIS_STATE_ATTENTION, 0
	case DecisionReturned:
		for _, key := range keys {
			captures[key].Returned = true
			batch.put(pb.Table_TABLE_CAPTURE, key, captures[key])
		}
	default:
		return Refusal{ReasonOther, "no such decision"}
	}
	return nil
}

// GoOnWithout: two people go on without the list of a device that cannot answer (BOK-41, BOK-42).
func (l *Ledger) GoOnWithout(deviceID, first, second string) error {
	if first == "" || second == "" || first == second {
		return Refusal{ReasonOther, "a decision needs two different people"}
	}
	batch, peer := l.batch(), &pb.PeerRow{}
	batch.get(pb.Table_TABLE_PEER, deviceID, peer)
	peer.Pulled = true
	batch.putPeer(deviceID, peer)
	var at *uint64
	if unix := l.unix(); unix != 0 {
		at = &unix
	}
	record, err := json.Marshal(struct {
		By [2]string `json:"by"`
		At *uint64   `json:"at"`
	}{[2]string{first, second}, at})
	if err != nil {
		return err
	}
	batch.putBytes(pb.Table_TABLE_PROGRAM, "without_list/"+deviceID, record)
	return batch.commit()
}

// takeOver: the order's own device holds another core of its number: that takes the place of ours (ORD-185, ORD-186).
// The result that came with it is then treated as reported.
func (l *Ledger) takeOver(orderNo string, said *pb.Rejected, deviceID string, now int64) (bool, error) {
	batch := l.batch()
	core, err := readCore(said.Core)
	order := batch.order(orderNo)
	if err != nil || order == nil || hasEnded(order) || bytes.Equal(order.Core, said.Core) {
		return false, nil
	}
	ours := coreOf(order)
	if deviceID != ours.DeviceId || core.OrderNo != orderNo || core.DeviceId != deviceID {
		return false, nil
	}
	order.OtherAmount = order.OtherAmount || ours.Amount != core.Amount
	order.Core, order.State = said.Core, pb.HisState_HIS_STATE_ASKING
	order.LeasedUntil = uint64(now + l.site.fullLease())
	if key, capture := l.original(batch, order); capture != nil {
		for _, item := range capture.Reservations {
			if item.OrderNo == orderNo && int64(item.Amount) < -core.Amount {
				item.Amount = uint64(-core.Amount)
				batch.put(pb.Table_TABLE_CAPTURE, key, capture)
			}
		}
	}
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return true, batch.commit()
}

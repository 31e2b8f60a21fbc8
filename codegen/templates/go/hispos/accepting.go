package hispos

import (
	"bytes"
	"slices"

	pb "hispos-client/internal/messages"
)

// Results (orders, section "Accepting a result").

var stateOf = map[pb.Outcome]pb.HisState{
	pb.Outcome_OUTCOME_PAID:         pb.HisState_HIS_STATE_PAID,
	pb.Outcome_OUTCOME_NOT_PAID:     pb.HisState_HIS_STATE_NOT_PAID,
	pb.Outcome_OUTCOME_REFUNDED:     pb.HisState_HIS_STATE_REFUNDED,
	pb.Outcome_OUTCOME_NOT_REFUNDED: pb.HisState_HIS_STATE_NOT_REFUNDED,
	pb.Outcome_OUTCOME_ATTENTION:    pb.HisState_HIS_STATE_ATTENTION,
}

var channelNames = map[pb.Channel]string{pb.Channel_CHANNEL_WECHAT: "wechat", pb.Channel_CHANNEL_ALIPAY: "alipay"}

// toldResult is a result as it came: what its signer said, in the bytes that were verified.
type toldResult struct {
	deviceID          string
	result, signature []byte
	// That of a list's item: an orphan's row is made with it, or gets it (ORD-225 to ORD-227).
	core []byte
	// The anchor that came with a report; it is stored in the same transaction.
	journal []byte
}

// authentic gives what a device says, nil if it is not authentic (ORD-189).
func (l *Ledger) authentic(told toldResult) *pb.ResultCore {
	device, isKnown := l.Site.Devices.Entry(told.deviceID)
	said, err := readResult(told.result)
	if err != nil || !isKnown || said.DeviceId != told.deviceID {
		return nil
	}
	if !isSignedResult(l.crypto, device.PublicKey, told.result, told.signature) {
		return nil
	}
	return said
}

// takeResult takes a result in that its signer told in a session; disposition 0 if it is not authentic (ORD-189 to
// ORD-200).
func (l *Ledger) takeResult(told toldResult) (*pb.ResultCore, pb.Disposition, error) {
	said := l.authentic(told)
	if said == nil {
		l.alarm("a result that is not authentic")
		return nil, 0, l.storeAnchor(told.deviceID, told.journal)
	}
	batch := l.batch()
	order := &pb.HisOrder{}
	if !batch.get(pb.Table_TABLE_ORDER, said.OrderNo, order) {
		if told.core == nil {
			l.alarm("a result of %s, which no row knows", said.OrderNo)
		}
		order = &pb.HisOrder{Orphan: true, State: pb.HisState_HIS_STATE_ATTENTION, MadeAt: l.unix()}
	}
	if order.Orphan && len(order.Core) == 0 {
		order.Core = told.core
	}
	disposition := l.judgeResult(batch, order, said, told)
	batch.putAnchor(told.deviceID, told.journal)
	return said, disposition, batch.commit()
}

// judgeResult ends the order, keeps the result as evidence, or knows it already.
func (l *Ledger) judgeResult(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) pb.Disposition {
	isSame := func(item *pb.Evidence) bool { return bytes.Equal(item.Result, told.result) }
	switch {
	case bytes.Equal(order.Result, told.result):
		return pb.Disposition_DISPOSITION_RECORDED
	case slices.ContainsFunc(order.Evidence, isSame):
		return pb.Disposition_DISPOSITION_KEPT
	}
	mayEnd := !order.Orphan && !hasEnded(order)
	if mayEnd && l.isOf(order, said) && !l.isEvidenceOnly(told.deviceID) {
		l.end(batch, order, said, told)
		batch.put(pb.Table_TABLE_ORDER, said.OrderNo, order)
		return pb.Disposition_DISPOSITION_RECORDED
	}
	l.keep(batch, order, said, told)
	batch.put(pb.Table_TABLE_ORDER, said.OrderNo, order)
	return pb.Disposition_DISPOSITION_KEPT
}

func (l *Ledger) isOf(order *pb.HisOrder, said *pb.ResultCore) bool {
	core := coreOf(order)
	isSigner := said.DeviceId == core.DeviceId || slices.Contains(order.Devices, said.DeviceId)
	return isSigner && said.Amount == core.Amount && l.isHashOf(order, said)
}

func (l *Ledger) isHashOf(order *pb.HisOrder, said *pb.ResultCore) bool {
	return bytes.Equal(said.OrderHash, orderHash(l.Site.Agreement.SiteId, order.Core))
}

// isEvidenceOnly tells whether a compromised device's results count as evidence alone (ORD-190).
func (l *Ledger) isEvidenceOnly(deviceID string) bool {
	device, _ := l.Site.Devices.Entry(deviceID)
	return device.CompromisedSince != 0 && l.unix() >= device.CompromisedSince
}

// hasEvidence tells whether evidence of an outcome is kept.
func hasEvidence(order *pb.HisOrder, outcome pb.Outcome) bool {
	return slices.ContainsFunc(order.Evidence, func(item *pb.Evidence) bool {
		said, err := readResult(item.Result)
		return err == nil && said.Outcome == outcome
	})
}

// end ends an order by a result (ORD-193, ORD-194, ORD-241).
func (l *Ledger) end(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) {
	order.Result, order.Signature, order.EndedAt = told.result, told.signature, l.unix()
	order.LeasedUntil = 0
	order.State = stateOf[said.Outcome]
	isForeign := l.openCaptures(batch, order, said)
	isPaid := said.Outcome == pb.Outcome_OUTCOME_PAID
	wasPaid := said.Outcome == pb.Outcome_OUTCOME_NOT_PAID && hasEvidence(order, pb.Outcome_OUTCOME_PAID)
	if isForeign || wasPaid {
		order.State = pb.HisState_HIS_STATE_ATTENTION
		l.alarm("%s: its result does not fit what is known", said.OrderNo)
	}
	if order.OtherAmount && isPaid {
		order.State = pb.HisState_HIS_STATE_ATTENTION
	}
	if order.State == pb.HisState_HIS_STATE_PAID || order.State == pb.HisState_HIS_STATE_REFUNDED {
		order.Posting = pb.Posting_POSTING_UNPOSTED
	}
	if said.Amount < 0 {
		l.bookRefund(batch, order, said)
	}
}

// keep keeps a result as evidence (ORD-196 to ORD-200).
func (l *Ledger) keep(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) {
	wasBooked := hasEvidence(order, pb.Outcome_OUTCOME_REFUNDED)
	order.Evidence = append(order.Evidence, &pb.Evidence{Result: told.result, Signature: told.signature, At: l.unix()})
	if len(order.Core) == 0 {
		return
	}
	if !l.isHashOf(order, said) {
		l.alarm("%s: evidence about another order", said.OrderNo)
		return
	}
	before := len(batch.writes)
	l.openCaptures(batch, order, said)
	if len(batch.writes) > before {
		l.alarm("%s: evidence tells of money that nobody knew", said.OrderNo)
	}
	isCalledFailed := order.State == pb.HisState_HIS_STATE_NOT_REFUNDED || order.State == pb.HisState_HIS_STATE_ATTENTION
	if said.Outcome == pb.Outcome_OUTCOME_REFUNDED && isCalledFailed && !wasBooked && !order.Orphan {
		l.alarm("%s: a refund that was called failed was carried out", said.OrderNo)
		l.bookRefund(batch, order, said)
	}
}

// openCaptures opens the rows of what a result tells of (ORD-195, ORD-203, ORD-204), and tells whether one is another
// order's.
func (l *Ledger) openCaptures(batch *batch, order *pb.HisOrder, said *pb.ResultCore) bool {
	told := said.Found
	if said.Outcome == pb.Outcome_OUTCOME_PAID {
		told = []*pb.FoundCapture{{
			Channel: said.Channel, PaymentNo: said.PaymentNo, Amount: said.Amount, CapturedAt: said.CapturedAt,
		}}
	}
	core, isForeign := coreOf(order), false
	for _, capture := range told {
		letter := channelLetters[capture.Channel]
		number := platformNumber(l.Site.Agreement.SiteCode, said.OrderNo, letter)
		finder := channelNames[capture.Channel] + "/" + capture.PaymentNo
		known := &pb.CaptureRow{}
		if batch.get(pb.Table_TABLE_CAPTURE, finder, known) && known.OrderNo != said.OrderNo {
			isForeign = true
			continue
		}
		if batch.get(pb.Table_TABLE_CAPTURE, number, &pb.CaptureRow{}) {
			continue
		}
		batch.put(pb.Table_TABLE_CAPTURE, number, &pb.CaptureRow{
			OrderNo:     said.OrderNo,
			Bill:        order.Bill,
			Channel:     capture.Channel,
			PaymentNo:   capture.PaymentNo,
			Amount:      uint64(capture.Amount),
			AgreementNo: core.AgreementNo,
			CapturedAt:  capture.CapturedAt,
		})
		batch.put(pb.Table_TABLE_CAPTURE, finder, &pb.CaptureRow{OrderNo: said.OrderNo})
	}
	return isForeign
}

// bookRefund books a refund or releases its reservation (ORD-206, ORD-207).
func (l *Ledger) bookRefund(batch *batch, order *pb.HisOrder, said *pb.ResultCore) {
	refund := coreOf(order).RefundOf
	if refund == nil {
		return
	}
	key := platformNumber(l.Site.Agreement.SiteCode, refund.OrderNo, channelLetters[refund.Channel])
	capture := &pb.CaptureRow{}
	batch.get(pb.Table_TABLE_CAPTURE, key, capture)
	meaning, isKnown := StatusMeanings[said.Status]
	isRefunded := said.Outcome == pb.Outcome_OUTCOME_REFUNDED
	if isRefunded {
		capture.Refunded += uint64(-said.Amount)
		capture.Refunds++
		capture.Returned = capture.Refunded >= capture.Amount
	}
	restsOnAbsence := !isKnown || meaning.RestsOnAbsence
	if isRefunded || said.Outcome == pb.Outcome_OUTCOME_NOT_REFUNDED && !restsOnAbsence {
		capture.Reservations = slices.DeleteFunc(capture.Reservations, func(item *pb.Reservation) bool {
			return item.OrderNo == said.OrderNo
		})
	}
	batch.put(pb.Table_TABLE_CAPTURE, key, capture)
}

// takeItem takes an item of a device's list in (ORD-224 to ORD-228).
func (l *Ledger) takeItem(deviceID string, item *pb.OrderItem, now int64) error {
	core, err := readCore(item.Core)
	if err != nil {
		// An item that is no order tells nothing; the others of its page do.
		return nil
	}
	told := toldResult{deviceID: deviceID, result: item.Result, signature: item.Signature, core: item.Core}
	if l.Order(core.OrderNo) == nil && l.authentic(told) == nil {
		batch := l.batch()
		batch.get(pb.Table_TABLE_ORDER, core.OrderNo, &pb.HisOrder{})
		batch.put(pb.Table_TABLE_ORDER, core.OrderNo, &pb.HisOrder{
			Core: item.Core, Orphan: true, State: pb.HisState_HIS_STATE_ASKING, MadeAt: l.unix(),
			LeasedUntil: uint64(now + l.Site.fullLease()),
		})
		return batch.commit()
	}
	if len(item.Result) == 0 {
		return nil
	}
	_, _, err = l.takeResult(told)
	return err
}

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

// toldResult is a result as it came: what its signer said, in the bytes that were verified.
type toldResult struct {
	deviceID          string
	result, signature []byte
	// The anchor that came with a report; it is stored in the same transaction.
	journal []byte
	// A fresh LookUp about the order was answered by OrderState in this session (ORD-213).
	isLook bool
}

func (t toldResult) isOf(item *pb.Evidence) bool { return bytes.Equal(item.Result, t.result) }

// authentic gives what a device says, nil if it is not authentic (ORD-189).
func (l *Ledger) authentic(told toldResult) *pb.ResultCore {
	device, isKnown := l.site.Devices.Entry(told.deviceID)
	said, err := readResult(told.result)
	if err != nil || !isKnown || said.DeviceId != told.deviceID {
		return nil
	}
	if !isSignedResult(l.crypto, device.PublicKey, told.result, told.signature) {
		return nil
	}
	return said
}

// takeResult takes a result in that its signer told in a session; disposition 0 if it is not authentic, or no row knows
// its order (ORD-189 to ORD-200, ORD-226).
func (l *Ledger) takeResult(told toldResult) (*pb.ResultCore, pb.Disposition, error) {
	said := l.authentic(told)
	if said == nil {
		l.alarm(AlarmNotAuthentic, "")
		return nil, 0, l.storeAnchor(told.deviceID, told.journal)
	}
	batch := l.batch()
	order := batch.order(said.OrderNo)
	if order == nil {
		// Its row comes with the list of its device, which has the core, too (ORD-226).
		l.alarm(AlarmOrphan, said.OrderNo)
		return nil, 0, l.storeAnchor(told.deviceID, told.journal)
	}
	disposition := l.judgeResult(batch, order, said, told)
	batch.putAnchor(told.deviceID, told.journal)
	return said, disposition, batch.commit()
}

// judgeResult ends the order, keeps the result as evidence, or knows it already.
func (l *Ledger) judgeResult(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) pb.Disposition {
	isEnd := bytes.Equal(order.Result, told.result)
	if isEnd || slices.ContainsFunc(order.Evidence, told.isOf) {
		if told.isLook && l.countLook(order) {
			l.releaseAfterLastLook(batch, said.OrderNo, order)
			batch.put(pb.Table_TABLE_ORDER, said.OrderNo, order)
		}
		if isEnd {
			return pb.Disposition_DISPOSITION_RECORDED
		}
		return pb.Disposition_DISPOSITION_KEPT
	}
	disposition := pb.Disposition_DISPOSITION_KEPT
	mayEnd := !order.Orphan && !hasEnded(order)
	if mayEnd && l.isOf(order, said) && !l.isEvidenceOnly(told.deviceID) {
		l.end(batch, order, said, told)
		disposition = pb.Disposition_DISPOSITION_RECORDED
	} else {
		l.keep(batch, order, said, told)
	}
	batch.put(pb.Table_TABLE_ORDER, said.OrderNo, order)
	return disposition
}

func (l *Ledger) hasOwnHash(order *pb.HisOrder, said *pb.ResultCore) bool {
	return len(order.Core) > 0 && bytes.Equal(said.OrderHash, orderHash(l.site.id(), order.Core))
}

func (l *Ledger) isOf(order *pb.HisOrder, said *pb.ResultCore) bool {
	core := coreOf(order)
	isSigner := said.DeviceId == core.DeviceId || slices.Contains(order.Devices, said.DeviceId)
	return isSigner && said.Amount == core.Amount && l.hasOwnHash(order, said)
}

// isEvidenceOnly tells whether a compromised device's results count as evidence alone (ORD-190).
func (l *Ledger) isEvidenceOnly(deviceID string) bool {
	device, _ := l.site.Devices.Entry(deviceID)
	unix := l.unix()
	return device.CompromisedSince != 0 && (unix == 0 || unix >= device.CompromisedSince)
}

// endsAs is the state that a result leads to, by what is known otherwise (ORD-186, ORD-194).
func (l *Ledger) endsAs(batch *batch, order *pb.HisOrder, evidence []*pb.Evidence, said *pb.ResultCore) pb.HisState {
	isOther := said.Outcome == pb.Outcome_OUTCOME_PAID && (order.OtherAmount || isForeign(batch, said))
	isContradicted := slices.ContainsFunc(evidence, func(item *pb.Evidence) bool {
		kept := readStored(item.Result)
		switch {
		case kept == nil:
		case said.Outcome == pb.Outcome_OUTCOME_NOT_PAID:
			return kept.Outcome == pb.Outcome_OUTCOME_PAID
		case said.Outcome == pb.Outcome_OUTCOME_NOT_REFUNDED:
			return kept.Outcome == pb.Outcome_OUTCOME_REFUNDED && l.hasOwnHash(order, kept)
		}
		return false
	})
	if isOther || isContradicted {
		return pb.HisState_HIS_STATE_ATTENTION
	}
	return stateOf[said.Outcome]
}

// end ends an order by a result (ORD-193, ORD-194, ORD-241).
func (l *Ledger) end(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) {
	state := l.endsAs(batch, order, order.Evidence, said)
	isForeign := isForeign(batch, said)
	order.Result, order.Signature, order.EndedAt = told.result, told.signature, l.unix()
	order.LeasedUntil, order.State = 0, state
	toPost(order)
	l.openCaptures(batch, order, said)
	isAttention := state == pb.HisState_HIS_STATE_ATTENTION
	if isForeign || isAttention && said.Outcome != pb.Outcome_OUTCOME_ATTENTION {
		l.alarm(AlarmContradiction, said.OrderNo)
	}
	if !isAttention {
		l.settleRefund(batch, said.OrderNo, order, said)
	}
}

// toPost: ORD-241.
func toPost(order *pb.HisOrder) {
	isMoved := order.State == pb.HisState_HIS_STATE_PAID || order.State == pb.HisState_HIS_STATE_REFUNDED
	if isMoved && order.Posting != pb.Posting_POSTING_NOT_TO_POST {
		order.Posting = pb.Posting_POSTING_UNPOSTED
	}
}

// keep keeps a result as evidence (ORD-196 to ORD-200).
func (l *Ledger) keep(batch *batch, order *pb.HisOrder, said *pb.ResultCore, told toldResult) {
	wasBooked := order.State == pb.HisState_HIS_STATE_REFUNDED ||
		slices.ContainsFunc(order.Evidence, func(item *pb.Evidence) bool {
			kept := readStored(item.Result)
			isRefund := kept != nil && kept.Outcome == pb.Outcome_OUTCOME_REFUNDED
			return isRefund && l.hasOwnHash(order, kept) && item.At >= order.EndedAt
		})
	order.Evidence = append(order.Evidence, &pb.Evidence{Result: told.result, Signature: told.signature, At: l.unix()})
	l.countLook(order)
	isOwn := l.hasOwnHash(order, said)
	isNew := isOwn && l.openCaptures(batch, order, said)
	isCalledFailed := order.State == pb.HisState_HIS_STATE_NOT_REFUNDED ||
		order.State == pb.HisState_HIS_STATE_ATTENTION
	isLate := isOwn && said.Outcome == pb.Outcome_OUTCOME_REFUNDED && isCalledFailed && !wasBooked && !order.Orphan
	if isLate {
		l.settleRefund(batch, said.OrderNo, order, said)
	} else {
		l.releaseAfterLastLook(batch, said.OrderNo, order)
	}
	differs := hasEnded(order) && stateOf[said.Outcome] != order.State &&
		said.Outcome != pb.Outcome_OUTCOME_ATTENTION
	if len(order.Core) > 0 && (!isOwn || isNew || isLate || differs) {
		l.alarm(AlarmContradiction, said.OrderNo)
	}
}

// countLook: ORD-213.
func (l *Ledger) countLook(order *pb.HisOrder) bool {
	due, isSet := lookDue(order)
	if !isSet || due > l.unix() {
		return false
	}
	order.LookedAgain++
	return true
}

// releaseAfterLastLook: the third look proved no refund (ORD-208).
func (l *Ledger) releaseAfterLastLook(batch *batch, orderNo string, order *pb.HisOrder) {
	said := readStored(order.Result)
	if order.State != pb.HisState_HIS_STATE_NOT_REFUNDED || said == nil {
		return
	}
	if _, isDue := lookDue(order); !isDue && restsOnAbsence(said.Status) && order.LookedAgain > 0 {
		l.release(batch, orderNo, order)
	}
}

// takeItem takes an item of a device's list in; one that is no order tells nothing (ORD-224 to ORD-229).
func (l *Ledger) takeItem(deviceID string, item *pb.OrderItem, now int64) error {
	core, err := readCore(item.Core)
	if err != nil {
		return nil
	}
	batch := l.batch()
	order := batch.order(core.OrderNo)
	told := toldResult{deviceID: deviceID, result: item.Result, signature: item.Signature}
	if order != nil {
		if len(item.Result) > 0 {
			_, _, err = l.takeResult(told)
		}
		return err
	}
	order = &pb.HisOrder{
		Core: item.Core, Orphan: true, State: pb.HisState_HIS_STATE_ASKING, MadeAt: l.unix(),
		LeasedUntil: uint64(now + l.site.fullLease()),
	}
	if len(item.Result) > 0 {
		if said := l.authentic(told); said != nil && l.hasOwnHash(order, said) {
			evidence := &pb.Evidence{Result: told.result, Signature: told.signature, At: l.unix()}
			order.Evidence = append(order.Evidence, evidence)
		}
	}
	l.reserveOrphan(batch, order)
	for _, evidence := range order.Evidence {
		if kept := readStored(evidence.Result); kept != nil {
			l.openCaptures(batch, order, kept)
		}
	}
	if len(order.Evidence) > 0 {
		order.State, order.LeasedUntil = pb.HisState_HIS_STATE_ATTENTION, 0
		order.EndedAt, order.LookedAgain = l.unix(), noLooks
	}
	batch.put(pb.Table_TABLE_ORDER, core.OrderNo, order)
	l.alarm(AlarmOrphan, core.OrderNo)
	return batch.commit()
}

// reserveOrphan reserves an orphan refund in the row of its original, opened from what the refund says of it (ORD-229).
func (l *Ledger) reserveOrphan(batch *batch, order *pb.HisOrder) {
	core := coreOf(order)
	if core.Amount >= 0 || core.RefundOf == nil {
		return
	}
	if count := len(order.Evidence); count > 0 {
		latest := readStored(order.Evidence[count-1].Result)
		if latest != nil && latest.Outcome == pb.Outcome_OUTCOME_NOT_REFUNDED {
			return
		}
	}
	key, capture := l.original(batch, order)
	finder := ""
	if capture == nil {
		of := core.RefundOf
		finder = finderKey(&pb.FoundCapture{Channel: of.Channel, PaymentNo: of.PaymentNo})
		if found := batch.capture(finder); found != nil && found.OrderNo != of.OrderNo {
			return
		} else if found != nil {
			finder = ""
		}
		capture = &pb.CaptureRow{
			OrderNo: of.OrderNo, Bill: batch.order(of.OrderNo).GetBill(), Channel: of.Channel, PaymentNo: of.PaymentNo,
			Amount: of.Amount, AgreementNo: of.AgreementNo,
		}
	}
	capture.Reservations = append(capture.Reservations, &pb.Reservation{
		OrderNo: core.OrderNo, Amount: uint64(-core.Amount), Item: order.Item,
	})
	if finder != "" {
		batch.put(pb.Table_TABLE_CAPTURE, finder, &pb.CaptureRow{OrderNo: capture.OrderNo})
	}
	batch.put(pb.Table_TABLE_CAPTURE, key, capture)
}

package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Captures, and refunds of them (BOK-26, ORD-195, ORD-202 to ORD-209).

var channelNames = map[pb.Channel]string{pb.Channel_CHANNEL_WECHAT: "wechat", pb.Channel_CHANNEL_ALIPAY: "alipay"}

// captureKey is the platform number under which a capture is kept (BOK-26).
func (l *Ledger) captureKey(agreementNo uint32, orderNo string, channel pb.Channel) string {
	return platformNumber(l.site.numbered(agreementNo).SiteCode, orderNo, channelLetters[channel])
}

func finderKey(capture *pb.FoundCapture) string {
	return channelNames[capture.Channel] + "/" + capture.PaymentNo
}

// told are the captures that a result tells of (ORD-203).
func told(said *pb.ResultCore) []*pb.FoundCapture {
	if said.Outcome != pb.Outcome_OUTCOME_PAID {
		return said.Found
	}
	return []*pb.FoundCapture{{
		Channel: said.Channel, PaymentNo: said.PaymentNo, Amount: said.Amount, CapturedAt: said.CapturedAt,
	}}
}

// capturesOf are those of an order.
func (l *Ledger) capturesOf(batch *batch, orderNo string) map[string]*pb.CaptureRow {
	found := map[string]*pb.CaptureRow{}
	for _, key := range l.index.capturesOfOrder[orderNo] {
		if row := batch.capture(key); row != nil && row.OrderNo == orderNo {
			found[key] = row
		}
	}
	return found
}

// isForeign tells whether a payment number in a result belongs to another order.
func isForeign(batch *batch, said *pb.ResultCore) bool {
	return slices.ContainsFunc(told(said), func(capture *pb.FoundCapture) bool {
		finder := batch.capture(finderKey(capture))
		return finder != nil && finder.OrderNo != said.OrderNo
	})
}

// openCaptures opens the rows of what a result tells of; whether it tells of money that had none.
func (l *Ledger) openCaptures(batch *batch, order *pb.HisOrder, said *pb.ResultCore) bool {
	core, isNew := coreOf(order), false
	if len(order.Core) == 0 || core.Amount < 0 {
		return false
	}
	for _, capture := range told(said) {
		key := l.captureKey(core.AgreementNo, core.OrderNo, capture.Channel)
		held := batch.capture(key)
		if held != nil && held.PaymentNo != capture.PaymentNo {
			key += "-" + capture.PaymentNo
			held = batch.capture(key)
		}
		if held != nil {
			continue
		}
		isNew = true
		finder := batch.capture(finderKey(capture))
		if finder != nil && finder.OrderNo != core.OrderNo {
			continue
		}
		batch.put(pb.Table_TABLE_CAPTURE, key, &pb.CaptureRow{
			OrderNo:     core.OrderNo,
			Bill:        order.Bill,
			Channel:     capture.Channel,
			PaymentNo:   capture.PaymentNo,
			Amount:      uint64(capture.Amount),
			AgreementNo: core.AgreementNo,
			CapturedAt:  capture.CapturedAt,
		})
		if finder == nil {
			batch.put(pb.Table_TABLE_CAPTURE, finderKey(capture), &pb.CaptureRow{OrderNo: core.OrderNo})
		}
	}
	return isNew
}

// original is the capture row that a refund gives back, nil without one.
func (l *Ledger) original(batch *batch, order *pb.HisOrder) (string, *pb.CaptureRow) {
	core := coreOf(order)
	if core.Amount >= 0 || core.RefundOf == nil {
		return "", nil
	}
	key := l.captureKey(core.RefundOf.AgreementNo, core.RefundOf.OrderNo, core.RefundOf.Channel)
	return key, batch.capture(key)
}

// settleRefund books a refund or releases its reservation (ORD-206, ORD-207).
func (l *Ledger) settleRefund(batch *batch, orderNo string, order *pb.HisOrder, said *pb.ResultCore) {
	key, capture := l.original(batch, order)
	switch {
	case capture == nil:
	case said.Outcome == pb.Outcome_OUTCOME_REFUNDED:
		capture.Refunded += uint64(-said.Amount)
		capture.Refunds++
		capture.Returned = capture.Refunded >= capture.Amount
		removeReservation(capture, orderNo)
		batch.put(pb.Table_TABLE_CAPTURE, key, capture)
	case said.Outcome == pb.Outcome_OUTCOME_NOT_REFUNDED && !restsOnAbsence(said.Status):
		l.release(batch, orderNo, order)
	}
}

// release removes a reservation without a booking, and gives the payment back to posting (ORD-240).
func (l *Ledger) release(batch *batch, orderNo string, order *pb.HisOrder) {
	key, capture := l.original(batch, order)
	if capture == nil || !removeReservation(capture, orderNo) {
		return
	}
	batch.put(pb.Table_TABLE_CAPTURE, key, capture)
	of := coreOf(order).RefundOf.OrderNo
	paid := batch.order(of)
	isBack := order.Posting == pb.Posting_POSTING_NOT_TO_POST
	if isBack && paid != nil && paid.Posting == pb.Posting_POSTING_NOT_TO_POST {
		paid.Posting = pb.Posting_POSTING_UNPOSTED
		batch.put(pb.Table_TABLE_ORDER, of, paid)
	}
}

func isReservationOf(orderNo string) func(*pb.Reservation) bool {
	return func(item *pb.Reservation) bool { return item.OrderNo == orderNo }
}

func removeReservation(capture *pb.CaptureRow, orderNo string) bool {
	before := len(capture.Reservations)
	capture.Reservations = slices.DeleteFunc(capture.Reservations, isReservationOf(orderNo))
	return len(capture.Reservations) < before
}

package hispos

import (
	"fmt"
	"slices"

	pb "hispos-client/internal/messages"
)

// Making refunds.

// Refund is one that people ask for: the amount is negative, operator and approver are two people (ORD-174).
type Refund struct {
	OrderNo                    string
	Fen                        int64
	Item                       string
	Operator, Approver, Reason string
	// The payment is not posted and goes back whole: neither is posted (ORD-240).
	IsNotToPost bool
}

// makeRefund makes and stores a refund, reserves its amount, and gives its number (ORD-170 to ORD-176).
func (l *Ledger) makeRefund(wanted Refund, window window) (string, error) {
	batch, day := l.batch(), l.dayOf(window)
	original := batch.order(wanted.OrderNo)
	switch {
	case original == nil:
		return "", Refusal{ReasonUnknownOrder, "the ledger knows no such order"}
	case original.Orphan:
		return "", Refusal{ReasonOrphan, "no bill has adopted the order"}
	}
	key, capture, err := l.captureToReturn(batch, wanted.OrderNo, coreOf(original).AgreementNo)
	if err != nil {
		return "", err
	}
	site, err := l.mayMake(batch, window.deviceID, day)
	if err != nil {
		return "", err
	}
	if wanted.Fen >= 0 {
		return "", Refusal{ReasonOther, "the amount of a refund is negative"}
	}
	generation, err := l.judgeRefund(wanted, capture)
	if err != nil {
		return "", err
	}
	number := l.refundNumber(wanted, capture, generation)
	if batch.order(number) != nil {
		return "", Refusal{ReasonOrphan, "the number " + number + " has a row"}
	}
	if err := l.judgeLimits(window.agreement, -wanted.Fen, day); err != nil {
		return "", err
	}
	order, err := l.newOrder(refundCore(wanted, number, original, capture, window, day), window)
	if err != nil {
		return "", err
	}
	order.Bill, order.Item, order.Generation = original.Bill, wanted.Item, generation
	if wanted.IsNotToPost {
		if err := keepFromPosting(batch, wanted, original, capture); err != nil {
			return "", err
		}
		order.Posting = pb.Posting_POSTING_NOT_TO_POST
	}
	reservation := &pb.Reservation{OrderNo: number, Amount: uint64(-wanted.Fen), Item: wanted.Item}
	capture.Reservations = append(capture.Reservations, reservation)
	capture.RefundMadeAt = l.unix()
	batch.put(pb.Table_TABLE_CAPTURE, key, capture)
	batch.put(pb.Table_TABLE_SITE, l.site.id(), site)
	batch.put(pb.Table_TABLE_ORDER, number, order)
	return number, batch.commit()
}

func refundCore(
	wanted Refund, number string, original *pb.HisOrder, capture *pb.CaptureRow, window window, day uint32,
) *pb.OrderCore {
	return &pb.OrderCore{
		OrderNo:     number,
		DeviceId:    window.deviceID,
		Kind:        pb.Kind_KIND_REFUND,
		Amount:      wanted.Fen,
		BusinessDay: day,
		AgreementNo: window.agreement.AgreementNo,
		RefundOf: &pb.RefundOf{
			OrderNo:     wanted.OrderNo,
			AgreementNo: coreOf(original).AgreementNo,
			Channel:     capture.Channel,
			Amount:      capture.Amount,
			PaymentNo:   capture.PaymentNo,
			Operator:    wanted.Operator,
			Approver:    wanted.Approver,
			Reason:      wanted.Reason,
		},
	}
}

// keepFromPosting: an unposted payment that goes back whole is not posted (ORD-240).
func keepFromPosting(batch *batch, wanted Refund, original *pb.HisOrder, capture *pb.CaptureRow) error {
	said := readStored(original.Result)
	isWhole := said != nil && uint64(-wanted.Fen) == capture.Amount && capture.PaymentNo == said.PaymentNo
	if original.Posting != pb.Posting_POSTING_UNPOSTED || !isWhole {
		return Refusal{ReasonOther, "only an unposted payment that goes back whole is not posted"}
	}
	original.Posting = pb.Posting_POSTING_NOT_TO_POST
	batch.put(pb.Table_TABLE_ORDER, wanted.OrderNo, original)
	return nil
}

// captureToReturn gives the capture that gives the money back: WeChat's first (ORD-176).
func (l *Ledger) captureToReturn(batch *batch, orderNo string, agreementNo uint32) (string, *pb.CaptureRow, error) {
	for _, channel := range channels {
		key := l.captureKey(agreementNo, orderNo, channel)
		if row := batch.capture(key); row != nil && !row.Returned {
			return key, row, nil
		}
	}
	return "", nil, Refusal{ReasonExceeds, "the ledger has no capture of this order that is not returned"}
}

func (l *Ledger) refundNumber(wanted Refund, capture *pb.CaptureRow, generation uint32) string {
	name := refundKey(wanted.OrderNo, capture.Channel, wanted.Item)
	return orderNumber(l.site.Secret, pb.Kind_KIND_REFUND, name, generation)
}

// judgeRefund judges the reasons of ORD-171 about item, amount and time, and gives the generation of ORD-172.
func (l *Ledger) judgeRefund(wanted Refund, capture *pb.CaptureRow) (uint32, error) {
	var own []string
	for nth := range uint32(LimitRefundsPerCaptureMax) {
		own = append(own, l.refundNumber(wanted, capture, nth))
	}
	generation := uint32(0)
	for _, order := range l.index.found(l.index.refundsOf[wanted.OrderNo]) {
		core := order.core
		isOfOriginal := core.Amount < 0 && core.RefundOf.GetOrderNo() == wanted.OrderNo && !order.Orphan
		if !isOfOriginal || order.Item != wanted.Item && !slices.Contains(own, order.number) {
			continue
		}
		generation++
		if order.State != pb.HisState_HIS_STATE_REFUNDED && order.State != pb.HisState_HIS_STATE_NOT_REFUNDED {
			return 0, Refusal{ReasonItemBusy, "another refund of it has not ended, or needs people"}
		}
	}
	return generation, l.judgeRest(wanted, capture)
}

func (l *Ledger) judgeRest(wanted Refund, capture *pb.CaptureRow) error {
	amount, reserved := -wanted.Fen, int64(0)
	for _, item := range capture.Reservations {
		if item.Item == wanted.Item {
			return Refusal{ReasonItemBusy, "another refund of it still has a reservation"}
		}
		reserved += int64(item.Amount)
	}
	left := int64(capture.RefundMadeAt) + TimerRefundGap/1000 - int64(l.unix())
	switch {
	case amount > int64(capture.Amount)-int64(capture.Refunded)-reserved:
		return Refusal{ReasonExceeds, "more than what is left"}
	case int(capture.Refunds)+len(capture.Reservations) >= LimitRefundsPerCaptureMax:
		return Refusal{ReasonExceeds, "too many refunds of one payment"}
	case capture.RefundMadeAt != 0 && left > 0:
		return Refusal{ReasonTooSoon, fmt.Sprintf("too soon after the last refund: %d s are left", left)}
	}
	return nil
}

// judgeLimits: ORD-16, ORD-17.
func (l *Ledger) judgeLimits(agreement *Agreement, amount int64, day uint32) error {
	ofDay := int64(0)
	for _, order := range l.index.found(l.index.ofDay[day]) {
		core := order.core
		isOfDay := core.Amount < 0 && core.BusinessDay == day
		if isOfDay && order.State != pb.HisState_HIS_STATE_NOT_REFUNDED {
			ofDay -= core.Amount
		}
	}
	limits := agreement.Amounts
	if uint64(amount) > limits.GetRefundMax() || uint64(ofDay+amount) > limits.GetRefundDayMax() {
		return Refusal{ReasonExceeds, "above a limit of the agreement"}
	}
	return nil
}

package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Making orders.

// window is the session in which an order is made, at this instant.
type window struct {
	deviceID, terminalID string
	run                  []byte
	zero, now            int64
}

// Refund is one that people ask for: the amount is negative, operator and approver are two people (ORD-174).
type Refund struct {
	OrderNo                    string
	Fen                        int64
	Item                       string
	Operator, Approver, Reason string
}

// mayMake judges the reasons of ORD-161 that concern the day, the step back and the device.
func (l *Ledger) mayMake(batch *batch, deviceID string, day uint32) (*pb.SiteRow, error) {
	site := &pb.SiteRow{}
	batch.get(pb.Table_TABLE_SITE, l.Site.Agreement.SiteId, site)
	device, isKnown := l.Site.Devices.Entry(deviceID)
	switch {
	case l.isHalted:
		return nil, Refusal("the ledger went back: a person has to declare the restore")
	case slices.Contains(site.ClosedDays, day):
		return nil, Refusal("the business day is closed")
	case site.Waiting || site.Pulling:
		return nil, Refusal("the ledger waits after a step back")
	case !isKnown || device.Revocation != 0:
		return nil, Refusal("the device takes no new orders")
	}
	return site, nil
}

func (l *Ledger) day() uint32 { return businessDay(l.Site.Agreement.Agreement, l.unix()) }

// makeCollect makes and stores a collect, and gives its number (ORD-159 to ORD-167).
func (l *Ledger) makeCollect(bill string, fen int64, window window) (string, error) {
	batch, day := l.batch(), l.day()
	site, err := l.mayMake(batch, window.deviceID, day)
	if err != nil {
		return "", err
	}
	if len(bill) < 1 || len(bill) > 64 {
		return "", Refusal("a bill key has 1 to 64 bytes")
	}
	row := &pb.BillRow{}
	batch.get(pb.Table_TABLE_BILL, bill, row)
	if err := l.judgeBill(batch, bill); err != nil {
		return "", err
	}
	var numbers []string
	for place := range uint32(LimitOrphanNumbers) {
		number := orderNumber(l.Site.Secret, pb.Kind_KIND_COLLECT, []byte(bill), row.Orders+place)
		if batch.get(pb.Table_TABLE_ORDER, number, &pb.HisOrder{}) {
			return "", Refusal("the terminal holds an order of this bill that no bill has adopted: " + number)
		}
		numbers = append(numbers, number)
	}
	most := min(l.Site.Agreement.Amounts.GetCollectMax(), LimitAmountFenMax)
	if fen <= 0 || uint64(fen) > most {
		return "", Refusal("the amount is not allowed")
	}
	order, err := l.newOrder(&pb.OrderCore{
		OrderNo:     numbers[0],
		DeviceId:    window.deviceID,
		Kind:        pb.Kind_KIND_COLLECT,
		Amount:      fen,
		BusinessDay: day,
		AgreementNo: l.Site.Agreement.AgreementNo,
	}, window)
	if err != nil {
		return "", err
	}
	if l.unix() < site.SearchUntil {
		order.Search = numbers[:LimitSearchMax]
	}
	order.Bill, order.Generation = bill, row.Orders
	row.Present, row.Orders = numbers[0], row.Orders+1
	batch.put(pb.Table_TABLE_ORDER, numbers[0], order)
	batch.put(pb.Table_TABLE_BILL, bill, row)
	return numbers[0], batch.commit()
}

func (l *Ledger) judgeBill(batch *batch, bill string) error {
	for _, key := range l.book.keys(pb.Table_TABLE_CAPTURE) {
		capture := &pb.CaptureRow{}
		batch.get(pb.Table_TABLE_CAPTURE, key, capture)
		if capture.Bill == bill && !capture.Returned {
			return Refusal(capture.PaymentNo + " of this bill is not returned")
		}
	}
	for _, order := range l.orders() {
		if order.Bill != bill || amountOf(order.HisOrder) < 0 {
			continue
		}
		batch.get(pb.Table_TABLE_ORDER, order.number, &pb.HisOrder{})
		if order.State != pb.HisState_HIS_STATE_NOT_PAID && order.State != pb.HisState_HIS_STATE_PAID {
			return Refusal(order.number + " of this bill has not ended, or needs people")
		}
	}
	return nil
}

// coreOf gives the core of an order that was judged before it was stored; an orphan may have none.
func coreOf(order *pb.HisOrder) *pb.OrderCore {
	core, err := readCore(order.Core)
	if err != nil {
		return &pb.OrderCore{}
	}
	return core
}

func amountOf(order *pb.HisOrder) int64 { return coreOf(order).Amount }

// newOrder gives the row of a new order (ORD-47, ORD-48, ORD-165).
func (l *Ledger) newOrder(core *pb.OrderCore, window window) (*pb.HisOrder, error) {
	data := encode(core)
	if _, err := readCore(data); err != nil {
		return nil, Refusal(err.Error())
	}
	timers := l.Site.Agreement.Timers
	startBy := window.now + int64(timers.Start)
	startBy -= (startBy - window.zero) % 1000
	return &pb.HisOrder{
		Core:        data,
		State:       pb.HisState_HIS_STATE_SENT,
		TerminalId:  window.terminalID,
		Run:         window.run,
		StartBy:     uint64(startBy),
		LeasedUntil: uint64(startBy + int64(timers.Act) + int64(timers.Drift)),
		MadeAt:      l.unix(),
	}, nil
}

// makeRefund makes and stores a refund, reserves its amount, and gives its number (ORD-170 to ORD-176).
func (l *Ledger) makeRefund(wanted Refund, window window) (string, error) {
	batch, day := l.batch(), l.day()
	site, err := l.mayMake(batch, window.deviceID, day)
	if err != nil {
		return "", err
	}
	original := &pb.HisOrder{}
	batch.get(pb.Table_TABLE_ORDER, wanted.OrderNo, original)
	key, capture, err := l.captureOf(batch, wanted.OrderNo)
	if err != nil {
		return "", err
	}
	if wanted.Fen >= 0 {
		return "", Refusal("the amount of a refund is negative")
	}
	generation, err := l.judgeRefund(wanted, capture, day)
	if err != nil {
		return "", err
	}
	name := refundKey(wanted.OrderNo, capture.Channel, wanted.Item)
	number := orderNumber(l.Site.Secret, pb.Kind_KIND_REFUND, name, generation)
	if batch.get(pb.Table_TABLE_ORDER, number, &pb.HisOrder{}) {
		return "", Refusal("the number " + number + " has a row")
	}
	order, err := l.newOrder(&pb.OrderCore{
		OrderNo:     number,
		DeviceId:    window.deviceID,
		Kind:        pb.Kind_KIND_REFUND,
		Amount:      wanted.Fen,
		BusinessDay: day,
		AgreementNo: l.Site.Agreement.AgreementNo,
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
	}, window)
	if err != nil {
		return "", err
	}
	order.Bill, order.Item, order.Generation = original.Bill, wanted.Item, generation
	reservation := &pb.Reservation{OrderNo: number, Amount: uint64(-wanted.Fen), Item: wanted.Item}
	capture.Reservations = append(capture.Reservations, reservation)
	capture.RefundMadeAt = l.unix()
	batch.put(pb.Table_TABLE_CAPTURE, key, capture)
	batch.put(pb.Table_TABLE_SITE, l.Site.Agreement.SiteId, site)
	batch.put(pb.Table_TABLE_ORDER, number, order)
	return number, batch.commit()
}

// captureOf gives the capture that gives the money back: WeChat's first (ORD-176).
func (l *Ledger) captureOf(batch *batch, orderNo string) (string, *pb.CaptureRow, error) {
	for _, channel := range []pb.Channel{pb.Channel_CHANNEL_WECHAT, pb.Channel_CHANNEL_ALIPAY} {
		key := platformNumber(l.Site.Agreement.SiteCode, orderNo, channelLetters[channel])
		row := &pb.CaptureRow{}
		if batch.get(pb.Table_TABLE_CAPTURE, key, row) && !row.Returned {
			return key, row, nil
		}
	}
	return "", nil, Refusal("the ledger has no capture of this order that is not returned")
}

// judgeRefund judges the reasons of ORD-171 and ORD-17, and gives the generation of ORD-172.
func (l *Ledger) judgeRefund(wanted Refund, capture *pb.CaptureRow, day uint32) (uint32, error) {
	generation, ofDay := uint32(0), int64(0)
	for _, order := range l.orders() {
		core := coreOf(order.HisOrder)
		if core.Amount >= 0 {
			continue
		}
		if core.BusinessDay == day && order.State != pb.HisState_HIS_STATE_NOT_REFUNDED {
			ofDay -= core.Amount
		}
		if core.RefundOf.OrderNo != wanted.OrderNo {
			continue
		}
		if order.Orphan {
			return 0, Refusal("a terminal holds a refund of it that no bill has adopted")
		}
		if order.Item != wanted.Item {
			continue
		}
		generation++
		if order.State != pb.HisState_HIS_STATE_REFUNDED && order.State != pb.HisState_HIS_STATE_NOT_REFUNDED {
			return 0, Refusal("another refund of it has not ended, or needs people")
		}
	}
	return generation, l.judgeRefundAmount(wanted, capture, ofDay)
}

func (l *Ledger) judgeRefundAmount(wanted Refund, capture *pb.CaptureRow, ofDay int64) error {
	amount, reserved := -wanted.Fen, int64(0)
	for _, item := range capture.Reservations {
		if item.Item == wanted.Item {
			return Refusal("another refund of it still has a reservation")
		}
		reserved += int64(item.Amount)
	}
	limits := l.Site.Agreement.Amounts
	switch {
	case amount > int64(capture.Amount)-int64(capture.Refunded)-reserved:
		return Refusal("more than what is left")
	case int(capture.Refunds)+len(capture.Reservations) >= LimitRefundsPerCaptureMax:
		return Refusal("too many refunds of one payment")
	case capture.RefundMadeAt+TimerRefundGap/1000 > l.unix():
		return Refusal("too soon after the last refund of this payment")
	case uint64(amount) > limits.GetRefundMax() || uint64(ofDay+amount) > limits.GetRefundDayMax():
		return Refusal("above a limit of the agreement")
	}
	return nil
}

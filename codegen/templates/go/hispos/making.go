package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Making orders (orders, "The ledger and the bill lock").

// window is the session in which an order is made, at this instant.
type window struct {
	deviceID, terminalID string
	run                  []byte
	zero, now            int64
	// That of the session (ORD-159).
	agreement *Agreement
	// The business day, from a person where there is no calendar clock; 0: today (ORD-164).
	day uint32
}

const billBytesMax = 64

// mayMake judges the reasons of ORD-161 that concern the day, the step back and the device.
func (l *Ledger) mayMake(batch *batch, deviceID string, day uint32) (*pb.SiteRow, error) {
	site := &pb.SiteRow{}
	batch.get(pb.Table_TABLE_SITE, l.site.id(), site)
	switch {
	case l.isHalted:
		return nil, Refusal{ReasonRestoring, "the ledger went back: a person has to declare the restore"}
	case day == 0:
		return nil, Refusal{ReasonOther, "without a calendar clock a person has to give the business day"}
	case slices.Contains(site.ClosedDays, day):
		return nil, Refusal{ReasonOther, "the business day is closed"}
	case site.Waiting:
		return nil, Refusal{ReasonRestoring, "the ledger waits after a step back"}
	}
	for _, device := range l.site.Devices.Entries {
		if site.Pulling && !l.peer(device.ID).Pulled {
			return nil, Refusal{ReasonRestoring, "the list of " + device.ID + " was not pulled since a step back"}
		}
	}
	if !l.site.mayOrder(deviceID) {
		return nil, Refusal{ReasonOther, "the device takes no new orders"}
	}
	return site, nil
}

func (l *Ledger) dayOf(window window) uint32 {
	if window.day != 0 || l.unix() == 0 {
		return window.day
	}
	return l.today()
}

func (l *Ledger) billNumber(bill string, generation uint32) string {
	return orderNumber(l.site.Secret, pb.Kind_KIND_COLLECT, []byte(bill), generation)
}

// makeCollect makes and stores a collect, and gives its number (ORD-159 to ORD-167).
func (l *Ledger) makeCollect(bill string, fen int64, window window) (string, error) {
	batch, day := l.batch(), l.dayOf(window)
	site, err := l.mayMake(batch, window.deviceID, day)
	if err != nil {
		return "", err
	}
	if len(bill) < 1 || len(bill) > billBytesMax {
		return "", Refusal{ReasonOther, "a bill key has 1 to 64 bytes"}
	}
	row := &pb.BillRow{}
	batch.get(pb.Table_TABLE_BILL, bill, row)
	if err := l.judgeBill(batch, bill); err != nil {
		return "", err
	}
	free, err := l.freeGenerations(batch, bill, row.Orders)
	if err != nil {
		return "", err
	}
	most := min(window.agreement.Amounts.GetCollectMax(), LimitAmountFenMax)
	if fen <= 0 || uint64(fen) > most {
		return "", Refusal{ReasonExceeds, "the amount is not allowed"}
	}
	number := l.billNumber(bill, free[0])
	order, err := l.newOrder(&pb.OrderCore{
		OrderNo:     number,
		DeviceId:    window.deviceID,
		Kind:        pb.Kind_KIND_COLLECT,
		Amount:      fen,
		BusinessDay: day,
		AgreementNo: window.agreement.AgreementNo,
	}, window)
	if err != nil {
		return "", err
	}
	if unix := l.unix(); unix == 0 || unix < site.SearchUntil {
		for _, generation := range free[:min(len(free), LimitSearchMax)] {
			order.Search = append(order.Search, l.billNumber(bill, generation))
		}
	}
	order.Bill, order.Generation = bill, free[0]
	row.Present, row.Orders = number, free[0]+1
	batch.put(pb.Table_TABLE_ORDER, number, order)
	batch.put(pb.Table_TABLE_BILL, bill, row)
	return number, batch.commit()
}

func (l *Ledger) judgeBill(batch *batch, bill string) error {
	for _, key := range l.index.capturesOfBill[bill] {
		capture := batch.capture(key)
		if capture != nil && capture.Bill == bill && !capture.Returned {
			return Refusal{ReasonBillCaptured, capture.PaymentNo + " of this bill is not returned"}
		}
	}
	for _, order := range l.index.found(l.index.ofBill[bill]) {
		if order.Bill != bill || order.core.Amount < 0 {
			continue
		}
		batch.order(order.number)
		if order.State != pb.HisState_HIS_STATE_NOT_PAID && order.State != pb.HisState_HIS_STATE_PAID {
			return Refusal{ReasonBillBusy, order.number + " of this bill has not ended, or needs people"}
		}
	}
	return nil
}

// freeGenerations are those of the bill's next numbers that no adopted order holds (ORD-162, ORD-163, ORD-230).
func (l *Ledger) freeGenerations(batch *batch, bill string, made uint32) ([]uint32, error) {
	var free []uint32
	for generation := made; generation < made+LimitOrphanNumbers; generation++ {
		number := l.billNumber(bill, generation)
		held := batch.order(number)
		switch {
		case held == nil:
			free = append(free, generation)
		case held.Bill != bill:
			return nil, Refusal{ReasonOrphan, "no bill has adopted " + number + ", which is this bill's"}
		}
	}
	if len(free) == 0 {
		return nil, Refusal{ReasonOther, "none of the bill's next numbers is free"}
	}
	return free, nil
}

// newOrder gives the row of a new order (ORD-47, ORD-48, ORD-165).
func (l *Ledger) newOrder(core *pb.OrderCore, window window) (*pb.HisOrder, error) {
	data := encode(core)
	if _, err := readCore(data); err != nil {
		return nil, Refusal{ReasonOther, err.Error()}
	}
	timers := window.agreement.Timers
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

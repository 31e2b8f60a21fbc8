package hispos

import (
	"maps"
	"slices"

	pb "hispos-client/internal/messages"
)

// What the HIS asks beside its devices' open orders: lists, other devices' orders, and looks behind an end.

func (l *HisLink) beginPull(now int64) {
	if !l.calls.hasList() {
		l.pullCounts = !l.Ledger.siteRow().Waiting
		l.list(now)
	}
}

// pullAfterWait begins the pull that counts, once the wait after a step back is over (BOK-39).
func (l *HisLink) pullAfterWait(now int64) {
	if l.Ledger.needsPull(l.deviceID) {
		l.beginPull(now)
	}
}

// isQuiet tells whether another device may be asked about an order (ORD-215).
func (l *HisLink) isQuiet(order hisOrder, now int64) bool {
	return now >= int64(order.LeasedUntil)+l.Ledger.site.quiet()
}

// waitsElsewhere are orders in Asking whose own device is revoked, which no device in use is asked about yet (ORD-218).
func (l *HisLink) waitsElsewhere() []hisOrder {
	site := l.Ledger.site
	if !site.mayOrder(l.deviceID) {
		return nil
	}
	return slices.DeleteFunc(l.Ledger.openOrders(), func(order hisOrder) bool {
		isAsked := site.mayOrder(order.core.DeviceId) || slices.ContainsFunc(order.Devices, site.mayOrder)
		return order.State != pb.HisState_HIS_STATE_ASKING || isAsked
	})
}

func (l *HisLink) lookElsewhere(now int64) {
	for _, order := range l.waitsElsewhere() {
		if l.isQuiet(order, now) {
			l.stored(l.Ledger.askElsewhere(order.number, l.deviceID, now))
		}
	}
}

func (l *HisLink) elsewhereDue() []int64 {
	var found []int64
	for _, order := range append(l.waitsElsewhere(), l.open()...) {
		at := int64(order.LeasedUntil) + l.Ledger.site.quiet()
		if !l.isOwn(order) && at > l.now {
			found = append(found, at)
		}
	}
	return found
}

// laterLook is an ended order that this device may look at again, and since which Unix time.
type laterLook struct {
	hisOrder
	due uint64
}

// laterLooks: ORD-211, ORD-212, ORD-214.
func (l *HisLink) laterLooks() []laterLook {
	var found []laterLook
	index := l.Ledger.index
	for _, number := range index.inPlace(maps.Keys(index.looks)) {
		order := index.orders[number]
		if l.isOwn(order) || slices.Contains(order.Devices, l.deviceID) {
			found = append(found, laterLook{order, index.looks[number]})
		}
	}
	return found
}

func (l *HisLink) lookAgain(now int64) {
	for _, look := range l.laterLooks() {
		before, isLooked := l.looked[look.number]
		if look.due > l.Ledger.unix() || isLooked && before == look.LookedAgain {
			continue
		}
		l.looked[look.number] = look.LookedAgain
		delete(l.looksTold, look.number)
		fresh := &pb.Message_LookUp{LookUp: &pb.LookUp{Core: look.Core, Fresh: true}}
		l.request(&pb.Message{Body: fresh}, look.number, now)
	}
}

func (l *HisLink) looksDueAt() []int64 {
	unix := l.Ledger.unix()
	var found []int64
	for _, look := range l.laterLooks() {
		if unix != 0 && look.due > unix {
			found = append(found, l.now+1000*int64(look.due-unix))
		}
	}
	return found
}

package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Small steps of a ledger: anchors, lists, states, other devices, the wait after a step back.

// storeAnchor stores a newer anchor of a device's journal (ORD-69).
func (l *Ledger) storeAnchor(deviceID string, anchor []byte) error {
	batch := l.batch()
	batch.putAnchor(deviceID, anchor)
	return batch.commit()
}

func (b *batch) putAnchor(deviceID string, anchor []byte) {
	peer := &pb.PeerRow{}
	b.get(pb.Table_TABLE_PEER, deviceID, peer)
	if isNewerAnchor(anchor, peer.Anchor) {
		peer.Anchor = anchor
		b.put(pb.Table_TABLE_PEER, deviceID, peer)
	}
}

// storePull stores how far a device's list was pulled (ORD-223); isWhole if this ended a pull that counts (BOK-39).
func (l *Ledger) storePull(deviceID string, bookID []byte, seq uint64, isWhole bool) error {
	batch, peer := l.batch(), &pb.PeerRow{}
	batch.get(pb.Table_TABLE_PEER, deviceID, peer)
	if seq == 0 && string(peer.PulledBook) == string(bookID) {
		seq = peer.PulledSeq
	}
	peer.PulledBook, peer.PulledSeq, peer.Pulled = bookID, seq, peer.Pulled || isWhole
	batch.putPeer(deviceID, peer)
	return batch.commit()
}

// setState moves an order that has not ended to Cancelling or Asking.
func (l *Ledger) setState(orderNo string, state pb.HisState, rejected pb.RejectCode) error {
	batch := l.batch()
	order := batch.order(orderNo)
	if order == nil {
		return nil
	}
	order.State = state
	if rejected != 0 {
		order.Rejected = uint32(rejected)
	}
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// askElsewhere has another device be asked about an order (ORD-215, ORD-216).
func (l *Ledger) askElsewhere(orderNo, deviceID string, now int64) error {
	batch := l.batch()
	order := batch.order(orderNo)
	switch {
	case order == nil || order.State != pb.HisState_HIS_STATE_ASKING:
		return Refusal{ReasonUnknownOrder, "only an order that is asked about is looked up elsewhere"}
	case now < int64(order.LeasedUntil)+l.site.quiet():
		return Refusal{ReasonLeased, "its own device may still act on it"}
	case slices.Contains(order.Devices, deviceID):
		return nil
	}
	order.Devices = append(order.Devices, deviceID)
	batch.put(pb.Table_TABLE_ORDER, orderNo, order)
	return batch.commit()
}

// endWaiting: the wait after a step back is over once; it begins anew at each start until then (BOK-37, BOK-38).
func (l *Ledger) endWaiting(now int64) error {
	ends, isWaiting := l.waitEnds()
	if !isWaiting || now < ends {
		return nil
	}
	batch, site := l.batch(), &pb.SiteRow{}
	batch.get(pb.Table_TABLE_SITE, l.site.id(), site)
	site.Waiting = false
	batch.put(pb.Table_TABLE_SITE, l.site.id(), site)
	return batch.commit()
}

// waitEnds is the instant at which the wait after a step back is over.
func (l *Ledger) waitEnds() (int64, bool) { return l.waitUntil, l.waitUntil != 0 && l.siteRow().Waiting }

// needsPull tells whether a list has to be pulled to its end before an order is made (BOK-39).
func (l *Ledger) needsPull(deviceID string) bool {
	site := l.siteRow()
	return site.Pulling && !site.Waiting && !l.peer(deviceID).Pulled
}

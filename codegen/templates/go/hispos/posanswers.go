package hispos

import (
	"bytes"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Requests of the HIS, and reports to it.

func (l *PosLink) take(message *pb.Message, clock instant) {
	_, isSync := message.Body.(*pb.Message_Sync)
	switch {
	case message.ReplyTo != 0:
		if confirm := message.GetConfirmResult(); confirm != nil {
			l.confirmed(confirm, clock)
		}
		return
	case message.Call == 0:
		return
	case !l.isSynced && !isSync:
		l.session.finish(pb.AlertCode_ALERT_CODE_UNEXPECTED_MESSAGE, clock.now)
		return
	}
	l.isSynced = true
	if number := orderOf(message); number != "" {
		l.load(number, clock.now)
	}
	effects := &effects{}
	reply := l.answerTo(message, clock, effects)
	answer := &pb.Message{ReplyTo: message.Call, Body: reply.Body}
	l.carryOut(effects, answer, clock)
}

func (l *PosLink) load(orderNo string, now int64) {
	if l.flow.lives[orderNo] == nil && l.book.has(pb.Table_TABLE_ORDER, orderNo) {
		l.flow.load(l.book.get(pb.Table_TABLE_ORDER, orderNo), false, now)
	}
}

// orderOf gives the number that a request is about.
func orderOf(message *pb.Message) string {
	core := message.GetSubmitOrder().GetCore()
	switch body := message.Body.(type) {
	case *pb.Message_CancelOrder:
		core = body.CancelOrder.Core
	case *pb.Message_LookUp:
		core = body.LookUp.Core
	case *pb.Message_QueryOrder:
		return body.QueryOrder.OrderNo
	}
	read, err := readCore(core)
	if err != nil {
		return ""
	}
	return read.OrderNo
}

func (l *PosLink) answerTo(message *pb.Message, clock instant, effects *effects) *body {
	switch body := message.Body.(type) {
	case *pb.Message_Sync:
		return l.sync(body.Sync, clock, effects)
	case *pb.Message_SubmitOrder:
		return l.flow.submit(body.SubmitOrder, l.asking(clock), clock, effects)
	case *pb.Message_QueryOrder:
		return l.flow.query(body.QueryOrder, clock)
	case *pb.Message_CancelOrder:
		return l.flow.cancel(body.CancelOrder, clock, effects)
	case *pb.Message_LookUp:
		return l.flow.lookUp(body.LookUp, clock, effects)
	case *pb.Message_ListOrders:
		return l.list(body.ListOrders)
	case *pb.Message_GetTotals:
		totals := posTotals(l.book, l.config.End.ID, body.GetTotals.BusinessDay)
		return &pb.Message{Body: &pb.Message_Totals_{Totals_: totals}}
	case *pb.Message_Ping:
		return l.pong(body.Ping, clock, effects)
	}
	return &pb.Message{Body: &pb.Message_Unsupported{Unsupported: &pb.Unsupported{}}}
}

func (l *PosLink) asking(clock instant) asking {
	peer := l.live.keys.peer
	terminal, isKnown := l.config.Terminals.Entry(peer)
	found := asking{
		peer: peer, isActive: isKnown && terminal.Revocation == 0, zero: l.live.zero, isLowOnRoom: l.isLowOnRoom,
	}
	for _, agreement := range l.serving() {
		found.current = append(found.current, agreement.AgreementNo)
	}
	return found
}

// seeLedger stores a newer anchor of the site's ledger.
func (l *PosLink) seeLedger(anchor []byte, effects *effects) {
	if !isNewerAnchor(anchor, l.ledgerSeen) {
		return
	}
	l.ledgerSeen = anchor
	row := encode(&pb.PeerRow{Anchor: anchor})
	effects.writes = append(effects.writes, write{rowKey{pb.Table_TABLE_PEER, l.siteID}, row})
}

// sync answers with both anchors as they were before this Sync.
func (l *PosLink) sync(sync *pb.Sync, clock instant, effects *effects) *body {
	reply := &pb.SyncReply{Journal: l.book.Anchor(), LedgerSeen: l.ledgerSeen}
	l.flow.synced(l.book.containment(sync.JournalSeen) != missing, clock, effects)
	l.seeLedger(sync.Ledger, effects)
	return &pb.Message{Body: &pb.Message_SyncReply{SyncReply: reply}}
}

func (l *PosLink) pong(ping *pb.Ping, clock instant, effects *effects) *body {
	health := &pb.Health{StorageLow: l.isLowOnRoom, ClockMissing: clock.unix == 0}
	for merchant := range maps.Keys(l.flow.context.verified) {
		health.WechatVerified = health.WechatVerified || merchant.Channel == pb.Channel_CHANNEL_WECHAT
		health.AlipayVerified = health.AlipayVerified || merchant.Channel == pb.Channel_CHANNEL_ALIPAY
	}
	pong := &pb.Pong{Journal: l.book.Anchor(), Health: health}
	l.seeLedger(ping.Ledger, effects)
	return &pb.Message{Body: &pb.Message_Pong{Pong: pong}}
}

func (l *PosLink) list(asked *pb.ListOrders) *body {
	from := uint64(0)
	if bytes.Equal(asked.Book, l.book.id()) {
		from = asked.Seq
	}
	rows := l.rowsAfter(from, LimitListItemsMax+1)
	list := &pb.OrderList{Book: l.book.id(), More: len(rows) > LimitListItemsMax}
	answer := &pb.Message{ReplyTo: ^uint32(0), Body: &pb.Message_OrderList{OrderList: list}}
	for _, row := range rows[:min(len(rows), LimitListItemsMax)] {
		list.Items = append(list.Items, &pb.OrderItem{
			Seq: row.seq, Core: row.order.Core, Result: row.order.Result, Signature: row.order.Signature,
			Disposition: row.order.Answered, Stage: stageOf(row.order.State),
		})
		if proto.Size(answer) > LimitPlaintextBytesMax && len(list.Items) > 1 {
			list.Items = list.Items[:len(list.Items)-1]
			list.More = true
			break
		}
	}
	return answer
}

func (l *PosLink) confirmed(confirm *pb.ConfirmResult, clock instant) {
	l.load(confirm.OrderNo, clock.now)
	effects := &effects{}
	l.flow.confirmed(confirm, effects)
	l.seeLedger(confirm.Ledger, effects)
	l.carryOut(effects, nil, clock)
}

// reports are those of one session: one at a time, again and again until HIS confirms (orders, "Reports").
type reports struct {
	round     []string
	nextRound int64
	gap       int64
	// The open report, 0 without one.
	open     uint32
	openTill int64
	calls    map[string]uint32
	nextCall uint32
}

func newReports(now int64) *reports {
	return &reports{nextRound: now, gap: TimerResultRepeatFirst, calls: map[string]uint32{}, nextCall: 1}
}

// now: a result is new: it is reported first.
func (r *reports) now(orderNo string, now int64) {
	r.gap = TimerResultRepeatFirst
	r.nextRound = now + r.gap
	r.round = append([]string{orderNo}, r.round...)
}

func (r *reports) answered(call uint32) {
	if r.open == call {
		r.open = 0
	}
}

func (r *reports) deadline(unanswered []string, now int64) (int64, bool) {
	switch {
	case r.open != 0:
		return max(r.openTill, now), true
	case len(unanswered) == 0:
		return 0, false
	case len(r.round) == 0:
		return r.nextRound, true
	}
	return now, true
}

// next gives the report that is due.
func (r *reports) next(unanswered []string, now int64) (uint32, string, bool) {
	if r.open != 0 && now < r.openTill {
		return 0, "", false
	}
	r.open = 0
	r.round = slices.DeleteFunc(r.round, func(number string) bool { return !slices.Contains(unanswered, number) })
	if len(r.round) == 0 && now >= r.nextRound {
		r.round = slices.Clone(unanswered)
		r.nextRound = now + r.gap
		r.gap = min(2*r.gap, TimerResultRepeatLast)
	}
	if len(r.round) == 0 {
		return 0, "", false
	}
	number := r.round[0]
	r.round = r.round[1:]
	call, isKnown := r.calls[number]
	if !isKnown {
		call = r.nextCall
		r.nextCall++
		r.calls[number] = call
	}
	r.open, r.openTill = call, now+TimerResultRepeatFirst
	return call, number, true
}

func (l *PosLink) mayReport() bool { return l.live != nil && l.isSynced && l.broken == nil }

func (l *PosLink) report(now int64) {
	if !l.mayReport() {
		return
	}
	call, number, isDue := l.reports.next(l.flow.unanswered, now)
	if !isDue {
		return
	}
	life := l.flow.lives[number]
	if life == nil || len(life.row.Result) == 0 {
		return
	}
	report := &pb.ReportResult{Result: life.row.Result, Signature: life.row.Signature, Journal: l.book.Anchor()}
	l.send(&pb.Message{Call: call, Body: &pb.Message_ReportResult{ReportResult: report}}, now)
}

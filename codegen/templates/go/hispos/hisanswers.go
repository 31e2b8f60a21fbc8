package hispos

import (
	"bytes"
	"slices"

	pb "hispos-client/internal/messages"
)

// What comes to the HIS.

func (l *HisLink) take(message *pb.Message, now int64) {
	if message.ReplyTo != 0 {
		if ended := l.calls.answered(message.ReplyTo); ended != nil {
			l.takeAnswer(ended, message, now)
		}
		return
	}
	switch body := message.Body.(type) {
	case *pb.Message_Ready:
		if l.agreement == nil || body.Ready.Simulated != l.agreement.Simulated {
			l.session.finish(pb.AlertCode_ALERT_CODE_UNSPECIFIED, now)
			return
		}
		l.run = nil
		if len(body.Ready.Run) == runBytes {
			l.run = body.Ready.Run
		}
	case *pb.Message_OrderState:
		l.progress(body.OrderState)
	case *pb.Message_DeviceEvent:
		l.tell(Notice{"the device says: " + body.DeviceEvent.Text})
	case *pb.Message_ReportResult:
		if message.Call != 0 {
			l.takeReport(message.Call, body.ReportResult, now)
		}
	default:
		if message.Call != 0 {
			unsupported := &pb.Message_Unsupported{Unsupported: &pb.Unsupported{}}
			l.say(&pb.Message{ReplyTo: message.Call, Body: unsupported}, now)
		}
	}
}

func (l *HisLink) progress(state *pb.OrderState) {
	if order := l.Ledger.Order(state.OrderNo); order != nil && !hasEnded(order) {
		l.tell(Progress{state.OrderNo, state.Stage, state.SecondsLeft})
	}
}

func (l *HisLink) takeReport(number uint32, report *pb.ReportResult, now int64) {
	told := toldResult{result: report.Result, signature: report.Signature, journal: report.Journal}
	said, disposition := l.takeResult(told, now)
	if disposition == 0 || l.broken != nil {
		return
	}
	confirm := &pb.ConfirmResult{
		OrderNo:     said.OrderNo,
		ResultHash:  resultHash(report.Result),
		Disposition: disposition,
	}
	l.say(&pb.Message{ReplyTo: number, Body: &pb.Message_ConfirmResult{ConfirmResult: confirm}}, now)
}

func (l *HisLink) takeResult(told toldResult, now int64) (*pb.ResultCore, pb.Disposition) {
	told.deviceID = l.deviceID
	if about := readStored(told.result); about != nil {
		told.isLook = l.looksTold[about.OrderNo]
	}
	before := l.Ledger.OpenOrders()
	said, disposition, err := l.Ledger.takeResult(told)
	l.stored(err)
	l.tellAlarms()
	if disposition == 0 || err != nil {
		return nil, 0
	}
	if slices.Contains(before, said.OrderNo) {
		l.tellEnd(said.OrderNo, now)
	}
	return said, disposition
}

func (l *HisLink) tellEnd(orderNo string, now int64) {
	if order := l.Ledger.order(orderNo); order != nil && hasEnded(order) {
		l.dropCalls(orderNo, now)
		l.tell(OrderEnded{orderNo})
	}
}

func (l *HisLink) tellAlarms() {
	for _, alarm := range l.Ledger.alarms {
		l.tell(alarm)
	}
	l.Ledger.alarms = nil
}

func (l *HisLink) takeAnswer(ended *call, message *pb.Message, now int64) {
	switch asked := ended.message.Body.(type) {
	case *pb.Message_Sync:
		if reply := message.GetSyncReply(); reply != nil {
			l.takeSync(reply, now)
		}
	case *pb.Message_ListOrders:
		if page := message.GetOrderList(); page != nil {
			l.takeList(page, now)
		}
	case *pb.Message_GetTotals:
		if totals := message.GetTotals_(); totals != nil {
			l.tell(TotalsTold{asked.GetTotals.BusinessDay, totals})
		}
	case *pb.Message_Ping:
		if pong := message.GetPong(); pong != nil {
			l.stored(l.Ledger.storeAnchor(l.deviceID, pong.Journal))
		}
	default:
		l.takeOrderAnswer(ended, message, now)
	}
}

func (l *HisLink) takeSync(reply *pb.SyncReply, now int64) {
	if l.Ledger.book.containment(reply.LedgerSeen) == missing {
		l.Ledger.isHalted = true
		l.tell(Alarm{AlarmLedgerWentBack, ""})
		return
	}
	l.stored(l.Ledger.storeAnchor(l.deviceID, reply.Journal))
	l.isSynced = true
	l.askAboutOrders(now)
	l.beginPull(now)
	l.tell(Ready{})
}

func (l *HisLink) takeList(page *pb.OrderList, now int64) {
	last := uint64(0)
	for _, item := range page.Items {
		before := l.Ledger.OpenOrders()
		l.stored(l.Ledger.takeItem(l.deviceID, item, now))
		if l.broken != nil {
			return
		}
		for _, number := range before {
			l.tellEnd(number, now)
		}
		last = item.Seq
	}
	l.tellAlarms()
	l.stored(l.Ledger.storePull(l.deviceID, page.Book, last, l.pullCounts && !page.More))
	switch {
	case l.broken != nil:
	case page.More:
		l.list(now)
	default:
		l.tell(Pulled{})
	}
}

func (l *HisLink) takeOrderAnswer(ended *call, message *pb.Message, now int64) {
	number := ended.orderNo
	order := l.Ledger.order(number)
	if order == nil || hasEnded(order) {
		l.takeLookAnswer(number, message, now)
		return
	}
	_, isQuery := ended.message.Body.(*pb.Message_QueryOrder)
	switch body := message.Body.(type) {
	case *pb.Message_OrderState:
		if body.OrderState.OrderNo == number {
			l.told[number] = true
			l.progress(body.OrderState)
			return
		}
	case *pb.Message_SignedResult:
		signed := body.SignedResult
		told := toldResult{result: signed.Result, signature: signed.Signature}
		// If it ends the order, nothing is asked any more.
		l.askFrom[number] = now + askAgainAfter
		l.takeResult(told, now)
		return
	case *pb.Message_NoRecord:
		if isQuery {
			l.takeNoRecord(number, order, body.NoRecord.Run, now)
			return
		}
	case *pb.Message_Rejected:
		l.takeRejected(ended, body.Rejected, now)
		return
	}
	l.askFrom[number] = now + askAgainAfter
}

// takeNoRecord: the order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181).
func (l *HisLink) takeNoRecord(number string, order *pb.HisOrder, run []byte, now int64) {
	switch {
	case order.State != pb.HisState_HIS_STATE_SENT:
		l.askFrom[number] = now + askAgainAfter
	case !bytes.Equal(run, order.Run):
		l.enter(number, pb.HisState_HIS_STATE_ASKING, 0, now)
	case now >= int64(order.StartBy):
		l.enter(number, pb.HisState_HIS_STATE_CANCELLING, 0, now)
	default:
		l.madeHere[number] = true
	}
}

// takeLookAnswer: what a later look brings at once; OrderState says that the device really looks (ORD-213).
func (l *HisLink) takeLookAnswer(orderNo string, message *pb.Message, now int64) {
	switch body := message.Body.(type) {
	case *pb.Message_OrderState:
		l.looksTold[orderNo] = l.looksTold[orderNo] || body.OrderState.OrderNo == orderNo
	case *pb.Message_SignedResult:
		l.takeResult(toldResult{result: body.SignedResult.Result, signature: body.SignedResult.Signature}, now)
	}
}

// takeRejected does what follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184).
func (l *HisLink) takeRejected(ended *call, said *pb.Rejected, now int64) {
	number, code := ended.orderNo, said.Code
	l.tell(Rejected{number, code})
	if code == pb.RejectCode_REJECT_CODE_MALFORMED || code == pb.RejectCode_REJECT_CODE_WRONG_DEVICE {
		l.tell(Alarm{AlarmRefused, number})
	}
	if code == pb.RejectCode_REJECT_CODE_CONFLICT {
		l.takeConflict(number, said, now)
		return
	}
	switch ended.message.Body.(type) {
	case *pb.Message_SubmitOrder:
		l.enter(number, pb.HisState_HIS_STATE_CANCELLING, code, now)
	case *pb.Message_CancelOrder:
		l.enter(number, pb.HisState_HIS_STATE_ASKING, code, now)
	default:
		l.askFrom[number] = now + askAgainAfter
	}
}

// takeConflict: the core that the own device holds takes the place of ours, and its result is taken in (ORD-185,
// ORD-187).
func (l *HisLink) takeConflict(number string, said *pb.Rejected, now int64) {
	isTaken, err := l.Ledger.takeOver(number, said, l.deviceID, now)
	l.stored(err)
	switch {
	case l.broken != nil:
		return
	case !isTaken:
		l.askFrom[number] = now + askAgainAfter
		return
	}
	l.tell(Alarm{AlarmConflict, number})
	l.dropCalls(number, now)
	if len(said.Result) > 0 {
		l.takeResult(toldResult{result: said.Result, signature: said.Signature}, now)
	}
}

package hispos

import (
	"bytes"
	"slices"

	pb "hispos-client/internal/messages"
)

// What HIS asks of a POS (orders, "Requests about orders").

// asking is who asks, in which session.
type asking struct {
	peer        string
	isActive    bool
	zero        int64
	current     []uint32
	isLowOnRoom bool
}

// body is the body of an answer.
type body = pb.Message

func rejected(code pb.RejectCode, orderNo string) *body {
	return &body{Body: &pb.Message_Rejected{Rejected: &pb.Rejected{Code: code, OrderNo: orderNo}}}
}

func (f *posFlow) submit(submit *pb.SubmitOrder, asking asking, clock instant, effects *effects) *body {
	core, refusal := f.ownCore(submit.Core)
	if refusal != nil {
		return refusal
	}
	if life := f.lives[core.OrderNo]; life != nil {
		if bytes.Equal(life.row.Core, submit.Core) {
			return life.reply(clock.now)
		}
		return life.conflict()
	}
	if code := f.mayAccept(core, submit, asking, clock.now); code != 0 {
		return rejected(code, core.OrderNo)
	}
	if active := f.active(); active != nil {
		return rejected(pb.RejectCode_REJECT_CODE_BUSY, active.core.OrderNo)
	}
	life := f.makeLife(core, submit.Core, submit.Search, clock)
	startBy := asking.zero + 1000*int64(submit.StartBy)
	life.row.StartBy, life.row.ActBy = uint64(startBy), uint64(startBy+int64(life.timers().Act))
	if life.isRefund() {
		life.enter(pb.PosState_POS_STATE_REFUNDING, clock.now, effects)
	} else {
		life.askEverywhere(0)
		life.enter(pb.PosState_POS_STATE_WAIT_CODE, clock.now, effects)
	}
	effects.later(Accepted{core.OrderNo, core.Amount})
	f.lives[core.OrderNo] = life
	f.step(core.OrderNo, clock, effects)
	return f.lives[core.OrderNo].reply(clock.now)
}

// mayAccept gives the first reason against a new order, 0 without one.
func (f *posFlow) mayAccept(core *pb.OrderCore, submit *pb.SubmitOrder, asking asking, now int64) pb.RejectCode {
	agreement := f.context.agreement(core.AgreementNo)
	startBy := asking.zero + 1000*int64(submit.StartBy)
	switch {
	case submit.TerminalId != asking.peer || !asking.isActive:
		return pb.RejectCode_REJECT_CODE_WRONG_TERMINAL
	case !bytes.Equal(submit.Run, f.context.run):
		return pb.RejectCode_REJECT_CODE_RUN_CHANGED
	case !isSearch(submit.Search):
		return pb.RejectCode_REJECT_CODE_MALFORMED
	case agreement == nil || !slices.Contains(asking.current, core.AgreementNo) || !f.context.mayMove(core):
		return pb.RejectCode_REJECT_CODE_MERCHANT
	case core.Amount > 0 && uint64(core.Amount) > agreement.Amounts.GetCollectMax(),
		core.Amount < 0 && uint64(-core.Amount) > agreement.Amounts.GetRefundMax():
		return pb.RejectCode_REJECT_CODE_AMOUNT
	case startBy <= now:
		return pb.RejectCode_REJECT_CODE_EXPIRED
	case startBy > now+int64(agreement.Timers.Start)+int64(agreement.Timers.Drift):
		return pb.RejectCode_REJECT_CODE_MALFORMED
	case asking.isLowOnRoom:
		return pb.RejectCode_REJECT_CODE_STORAGE
	}
	return 0
}

func isSearch(search []string) bool {
	isNone := func(number string) bool { return !isOrderNo(number) }
	return len(search) <= LimitSearchMax && !slices.ContainsFunc(search, isNone)
}

func (f *posFlow) query(query *pb.QueryOrder, clock instant) *body {
	life := f.lives[query.OrderNo]
	switch {
	case !isOrderNo(query.OrderNo):
		return rejected(pb.RejectCode_REJECT_CODE_MALFORMED, "")
	case life == nil:
		return &body{Body: &pb.Message_NoRecord{NoRecord: &pb.NoRecord{Run: f.context.run}}}
	case !bytes.Equal(life.hash, query.OrderHash):
		return life.conflict()
	}
	return life.reply(clock.now)
}

func (f *posFlow) cancel(cancel *pb.CancelOrder, clock instant, effects *effects) *body {
	core, refusal := f.ownCore(cancel.Core)
	if refusal != nil {
		return refusal
	}
	life := f.lives[core.OrderNo]
	switch {
	case life != nil && !bytes.Equal(life.row.Core, cancel.Core):
		return life.conflict()
	case life != nil:
		isLate := life.row.State == pb.PosState_POS_STATE_ASKING || life.row.State == pb.PosState_POS_STATE_ENDED
		if !isLate && !life.row.CancelWanted {
			life.row.CancelWanted = true
			effects.write(life.write())
		}
	case !bytes.Equal(cancel.Run, f.context.run):
		return rejected(pb.RejectCode_REJECT_CODE_RUN_CHANGED, core.OrderNo)
	case !isSearch(cancel.Search):
		return rejected(pb.RejectCode_REJECT_CODE_MALFORMED, core.OrderNo)
	default:
		f.bury(core, cancel, clock, effects)
	}
	f.step(core.OrderNo, clock, effects)
	return f.lives[core.OrderNo].reply(clock.now)
}

// bury stores a cancel of an order that never came, so that it can never be accepted.
func (f *posFlow) bury(core *pb.OrderCore, cancel *pb.CancelOrder, clock instant, effects *effects) {
	life := f.makeLife(core, cancel.Core, cancel.Search, clock)
	life.row.CancelWanted = true
	switch {
	case len(cancel.Search) > 0:
		life.startAskingEither(clock, effects)
	case life.isRefund():
		life.end(notRefunded(pb.Status_STATUS_REFUND_NEVER_SEEN), clock, effects)
	default:
		life.end(notPaid(pb.Status_STATUS_NEVER_SEEN), clock, effects)
	}
	f.lives[core.OrderNo] = life
}

func (f *posFlow) lookUp(look *pb.LookUp, clock instant, effects *effects) *body {
	core, err := readCore(look.Core)
	if err != nil {
		return rejected(pb.RejectCode_REJECT_CODE_MALFORMED, "")
	}
	number := core.OrderNo
	life := f.lives[number]
	if life != nil && !bytes.Equal(life.row.Core, look.Core) {
		return life.conflict()
	}
	if !f.context.canAsk(core) {
		return rejected(pb.RejectCode_REJECT_CODE_MERCHANT, number)
	}
	isOwn := core.DeviceId == f.context.deviceID
	isEnded := life != nil && life.row.State == pb.PosState_POS_STATE_ENDED
	switch {
	case isEnded && !look.Fresh && f.looks[number] == nil:
	case isOwn && life != nil && !isEnded:
		if life.row.State == pb.PosState_POS_STATE_WAIT_CODE && !life.isRestarted {
			life.leaveWaitCode(pb.Status_STATUS_RESTARTED, clock, effects)
		}
		f.step(number, clock, effects)
	case isOwn && life == nil:
		life = f.makeLife(core, look.Core, nil, clock)
		life.row.NotIntact = true
		life.startAskingEither(clock, effects)
		f.lives[number] = life
		f.step(number, clock, effects)
	default:
		f.lookAt(core, look.Core, clock, effects)
	}
	if look := f.looks[number]; look != nil {
		return look.reply(clock.now)
	}
	return f.lives[number].reply(clock.now)
}

func (f *posFlow) lookAt(core *pb.OrderCore, data []byte, clock instant, effects *effects) {
	look := f.looks[core.OrderNo]
	if look == nil {
		look = f.makeLife(core, data, nil, clock)
		if ended := f.lives[core.OrderNo]; ended != nil {
			look.follows(ended.row)
		}
		look.isLooking = true
		look.row.State = pb.PosState_POS_STATE_ASKING
		look.askForTheEnd()
		f.looks[core.OrderNo] = look
	}
	look.step(clock, effects)
	f.settle(core.OrderNo, true, clock, effects)
}

func (f *posFlow) ownCore(data []byte) (*pb.OrderCore, *body) {
	core, err := readCore(data)
	if err != nil {
		malformed, isKnown := err.(Malformed)
		if !isKnown {
			return nil, rejected(pb.RejectCode_REJECT_CODE_MALFORMED, "")
		}
		return nil, rejected(malformed.Code, "")
	}
	if core.DeviceId != f.context.deviceID {
		return nil, rejected(pb.RejectCode_REJECT_CODE_WRONG_DEVICE, core.OrderNo)
	}
	return core, nil
}

func (f *posFlow) makeLife(core *pb.OrderCore, data []byte, search []string, clock instant) *life {
	return f.newLife(core, &pb.PosOrder{
		Core: data, Run: f.context.run, Boot: f.context.boot, AcceptedAt: uint64(clock.now),
		AcceptedUnix: clock.unix, Search: search,
	}, clock.now)
}

// reply tells how far the order is, or its result.
func (l *life) reply(now int64) *body {
	if state := l.progress(now); state != nil {
		return &body{Body: &pb.Message_OrderState{OrderState: state}}
	}
	signed := &pb.SignedResult{Result: l.row.Result, Signature: l.row.Signature}
	return &body{Body: &pb.Message_SignedResult{SignedResult: signed}}
}

// follows: a look goes on from what the order's row says; its result may replace one that was recorded.
func (l *life) follows(earlier *pb.PosOrder) {
	recorded := earlier.RecordedResult
	if len(recorded) == 0 && earlier.Recorded {
		recorded = earlier.Result
	}
	l.row = &pb.PosOrder{
		Core: earlier.Core, State: l.row.State, Run: earlier.Run, Boot: earlier.Boot, AcceptedAt: earlier.AcceptedAt,
		StartBy: earlier.StartBy, ActBy: earlier.ActBy, AcceptedUnix: earlier.AcceptedUnix, Attempt: earlier.Attempt,
		CancelWanted: earlier.CancelWanted, Reverses: earlier.Reverses, ReversedAt: earlier.ReversedAt,
		RefundStartedAt: earlier.RefundStartedAt, NotIntact: earlier.NotIntact, Result: earlier.Result,
		Signature: earlier.Signature, Answered: earlier.Answered, Recorded: earlier.Recorded, RecordedResult: recorded,
	}
}

func (l *life) conflict() *body {
	return &body{Body: &pb.Message_Rejected{Rejected: &pb.Rejected{
		Code: pb.RejectCode_REJECT_CODE_CONFLICT, OrderNo: l.core.OrderNo, Core: l.row.Core, Result: l.row.Result,
		Signature: l.row.Signature, Stage: l.stage(),
	}}}
}

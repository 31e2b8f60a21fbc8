package hispos

import (
	pb "hispos-client/internal/messages"
)

// instant is both clocks at one input: the instant, and the Unix time, 0 without a calendar clock.
type instant struct {
	now  int64
	unix uint64
}

// life is an order at its POS, or a look at one.
type life struct {
	context     *context
	core        *pb.OrderCore
	hash        []byte
	row         *pb.PosOrder
	isLooking   bool
	isRestarted bool
	entered     int64
	evidence    []*evidence
	code        Secret
	codeChannel pb.Channel
	// The request that moves money and is on its way, 0 without one.
	moving       uint64
	paidFrom     int64
	nextQuery    int64
	// When the attempt's number was last asked about in Paying or Reversing.
	asked int64
	queries      int
	reversed     int
	nextReverse  int64
	providerCode string
	refund       refundFacts
	isConfirming bool
	// An alarm was raised for a result that nobody confirms.
	isUnconfirmedTold bool
	toldStage         pb.Stage
	toldChannel       pb.Channel
	toldAt            int64
	isTold            bool
}

func (f *posFlow) newLife(core *pb.OrderCore, row *pb.PosOrder, now int64) *life {
	made := &life{
		context: f.context, core: core, row: row, entered: now, paidFrom: now, nextQuery: now, nextReverse: now,
		hash: orderHash(f.context.agreements[0].SiteId, row.Core),
	}
	if row.Attempt != nil {
		made.paidFrom = int64(row.Attempt.At)
	}
	return made
}

func (l *life) timers() *pb.AgreedTimers { return l.context.timers(l.core) }

func (l *life) startBy() int64 { return int64(l.row.StartBy) }

func (l *life) actBy() int64 { return int64(l.row.ActBy) }

func (l *life) isRefund() bool { return l.core.Kind == pb.Kind_KIND_REFUND }

func (l *life) amount() int64 { return max(l.core.Amount, -l.core.Amount) }

// poll is how long a payment is awaited before it is reversed.
func (l *life) poll() int64 {
	if l.row.Attempt.GetChannel() == pb.Channel_CHANNEL_ALIPAY {
		return int64(l.timers().PollAlipay)
	}
	return int64(l.timers().PollWechat)
}

// isIntact tells whether the row is known to be the newest state of the order.
func (l *life) isIntact() bool {
	isSameRun := string(l.row.Run) == string(l.context.run)
	isSameBoot := string(l.row.Boot) == string(l.context.boot)
	return !l.row.NotIntact && (isSameRun || isSameBoot && l.context.isAnchored)
}

func (l *life) unconfirmedAt() (int64, bool) {
	isWaiting := l.row.State == pb.PosState_POS_STATE_ENDED && l.row.Answered == 0 && !l.isUnconfirmedTold
	return l.entered + TimerUnconfirmedAlarm, isWaiting
}

func (l *life) write() write {
	return write{rowKey{pb.Table_TABLE_ORDER, l.core.OrderNo}, encode(l.row)}
}

func (l *life) enter(state pb.PosState, now int64, effects *effects) {
	l.row.State = state
	l.entered, l.queries, l.nextQuery = now, 0, now
	effects.write(l.write())
}

// step goes on as far as it can without an answer.
func (l *life) step(clock instant, effects *effects) {
	for {
		state, moving := l.row.State, l.moving
		switch {
		case l.isLooking && l.isRefund():
			l.stepAskingRefund(clock, effects)
		case l.isLooking:
			l.stepAsking(clock, effects)
		case state == pb.PosState_POS_STATE_WAIT_CODE:
			l.stepWaitCode(clock, effects)
		case state == pb.PosState_POS_STATE_PAYING:
			l.stepPaying(clock, effects)
		case state == pb.PosState_POS_STATE_REVERSING:
			l.stepReversing(clock, effects)
		case state == pb.PosState_POS_STATE_REFUNDING:
			l.stepRefunding(clock, effects)
		case state == pb.PosState_POS_STATE_ASKING && l.isRefund():
			l.stepAskingRefund(clock, effects)
		case state == pb.PosState_POS_STATE_ASKING:
			l.stepAsking(clock, effects)
		default:
			return
		}
		if l.row.State == state && l.moving == moving || l.moving != 0 {
			return
		}
	}
}

// noteDate keeps the platform's time that came with an answer.
func (l *life) noteDate(answer *Answer) {
	if answer.Date == 0 || len(l.evidence) == 0 {
		return
	}
	channel := l.evidence[0].merchant.Channel
	for _, item := range l.evidence {
		if item.inFlight == answer.ID {
			channel = item.merchant.Channel
			break
		}
	}
	l.context.dates[channel] = platformDate{answer.Date, answer.Ended}
}

// answered takes what came of a question about this order.
func (l *life) answered(answer *Answer, clock instant, effects *effects) {
	if answer.ProviderCode != "" {
		l.providerCode = answer.ProviderCode
	}
	switch {
	case l.moving == answer.ID:
		l.moving = 0
		switch {
		case l.isRefund():
			l.refundAnswered(answer, clock, effects)
		case l.row.State == pb.PosState_POS_STATE_PAYING:
			l.payAnswered(answer, clock, effects)
		default:
			l.reverseAnswered(answer)
		}
	case l.isRefund():
		l.refundQuestionAnswered(answer, clock, effects)
	default:
		rules := l.rules(clock.now)
		for _, item := range l.evidence {
			if item.inFlight == answer.ID {
				item.inFlight = 0
				item.judge(answer, rules)
				l.isConfirming = l.isConfirming || answer.Proof == ProofAlive
				break
			}
		}
		l.keepTheGap(rules.gap)
	}
	l.step(clock, effects)
}

func (l *life) rules(now int64) rulesNow {
	timers := l.timers()
	isIntact := l.isIntact() && !l.isLooking
	isReversed := l.row.Reverses > 0
	mayReverse := isIntact && l.row.Attempt != nil && now < l.actBy()
	fence := l.context.started + int64(timers.Fence)
	for _, item := range l.evidence {
		fence = max(fence, item.fence)
	}
	expiredFrom := fence + int64(timers.Expiry)
	switch {
	case l.isLooking:
		expiredFrom = 0
	case isIntact && l.row.Attempt != nil:
		expiredFrom = int64(l.row.Attempt.At) + int64(timers.Connect) + int64(timers.Expiry) + int64(timers.Fence)
	}
	return rulesNow{
		isReversed: isReversed, isCaptureFenced: isReversed || !isIntact, expiredFrom: expiredFrom,
		isExpiringEver: !mayReverse, gap: int64(timers.AbsenceGap),
	}
}

// askAbout sends a query about one number, unless one is on its way.
func (l *life) askAbout(item *evidence, effects *effects) {
	if item.inFlight != 0 {
		return
	}
	ask := l.context.ask(l.timers(), Ask{
		Merchant: item.merchant, Call: PlatformCallQuery, Number: item.number, Total: l.amount(),
	})
	item.inFlight = ask.ID
	effects.later(ask)
}

// moveMoney sends a request that moves money, once its row is durable.
func (l *life) moveMoney(ask Ask, effects *effects) {
	ask.Total = l.amount()
	if l.core.RefundOf != nil {
		ask.Total = int64(l.core.RefundOf.Amount)
	}
	ask = l.context.ask(l.timers(), ask)
	l.moving = ask.ID
	effects.later(ask)
}

// attempted is the evidence about the number that was paid with.
func (l *life) attempted() *evidence {
	for _, item := range l.evidence {
		if l.row.Attempt != nil && item.isOwn && item.merchant.Channel == l.row.Attempt.Channel {
			return item
		}
	}
	return nil
}

func (l *life) latest() latest {
	if item := l.attempted(); item != nil {
		return item.latest
	}
	return latestNone
}

func (l *life) deadlines(now int64) []int64 {
	if !l.isLooking && l.row.State == pb.PosState_POS_STATE_ENDED {
		return nil
	}
	marks := []int64{l.nextQuery, l.nextReverse}
	switch {
	case l.isLooking:
	case l.row.State == pb.PosState_POS_STATE_WAIT_CODE, l.row.State == pb.PosState_POS_STATE_REFUNDING:
		marks = append(marks, l.startBy())
	default:
		marks = append(marks, l.actBy())
	}
	if l.isTold {
		marks = append(marks, l.toldAt+TimerProgressEvery)
	}
	if l.row.Attempt != nil {
		marks = append(marks, l.paidFrom+int64(l.timers().ReverseMin), l.paidFrom+l.poll())
	}
	return marks
}

// stage is how far the order is; 0 at its end.
func (l *life) stage() pb.Stage {
	switch {
	case l.isLooking:
		return pb.Stage_STAGE_LOOKING
	case l.row.State == pb.PosState_POS_STATE_PAYING && l.isConfirming:
		return pb.Stage_STAGE_USER_CONFIRMING
	}
	return stageOf(l.row.State)
}

// stageOf is what a stored state alone tells.
func stageOf(state pb.PosState) pb.Stage {
	switch state {
	case pb.PosState_POS_STATE_WAIT_CODE:
		return pb.Stage_STAGE_WAIT_CODE
	case pb.PosState_POS_STATE_PAYING:
		return pb.Stage_STAGE_PAYING
	case pb.PosState_POS_STATE_REVERSING:
		return pb.Stage_STAGE_REVERSING
	case pb.PosState_POS_STATE_REFUNDING:
		return pb.Stage_STAGE_REFUNDING
	case pb.PosState_POS_STATE_ASKING:
		return pb.Stage_STAGE_ASKING
	}
	return pb.Stage_STAGE_UNSPECIFIED
}

// progress is nil at the order's end.
func (l *life) progress(now int64) *pb.OrderState {
	stage := l.stage()
	if stage == pb.Stage_STAGE_UNSPECIFIED {
		return nil
	}
	state := &pb.OrderState{
		OrderNo: l.core.OrderNo, Stage: stage, Channel: l.row.Attempt.GetChannel(),
		Money: pb.StageMoney_STAGE_MONEY_UNKNOWN,
	}
	isWaiting := stage == pb.Stage_STAGE_WAIT_CODE
	if isWaiting || stage == pb.Stage_STAGE_REFUNDING && l.row.RefundStartedAt == 0 {
		state.Money = pb.StageMoney_STAGE_MONEY_NONE
	}
	if isWaiting {
		state.SecondsLeft = uint32((max(l.startBy()-now, 0) + 999) / 1000)
	}
	return state
}

// tell tells HIS and people how far the order is, when that changes and every 15 s.
func (l *life) tell(now int64, effects *effects) {
	state := l.progress(now)
	if state == nil {
		return
	}
	isNew := !l.isTold || l.toldStage != state.Stage || l.toldChannel != state.Channel
	if isNew || now >= l.toldAt+TimerProgressEvery {
		l.isTold, l.toldStage, l.toldChannel, l.toldAt = true, state.Stage, state.Channel, now
		effects.later(state)
	}
}

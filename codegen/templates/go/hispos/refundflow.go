package hispos

import pb "hispos-client/internal/messages"

// Refunds (payment, "Refund").

// refundFacts are what is known of a refund at the platform.
type refundFacts struct {
	// The question that is on its way, 0 without one.
	asked       uint64
	isAbsent    bool
	absents     int
	absentAt    int64
	isAbsentSet bool
	fence       int64
	requested   int
	// The original was asked about, and holds what the order says.
	isOriginalKnown, isOriginalHeld bool
}

func (r *refundFacts) forgetAbsents() { r.absents, r.absentAt, r.isAbsentSet = 0, 0, false }

var refundGaps = []int64{1, 1, 3, 6, 30}

func (l *life) stepRefunding(clock instant, effects *effects) {
	isStarted := l.row.RefundStartedAt != 0
	switch {
	case l.isRestarted && !l.context.isSynced:
	case l.isRestarted && !isStarted && l.isIntact():
		l.end(notRefunded(pb.Status_STATUS_NEVER_SENT), clock, effects)
	case l.isRestarted:
		l.startAskingRefund(clock, effects)
	case l.moving != 0 || l.refund.asked != 0:
	case isStarted:
		l.startAskingRefund(clock, effects)
	case l.row.CancelWanted:
		l.end(notRefunded(pb.Status_STATUS_NEVER_SENT), clock, effects)
	case clock.now >= l.startBy():
		l.end(notRefunded(pb.Status_STATUS_REFUND_PLATFORM_DOWN), clock, effects)
	case l.refund.isOriginalKnown && l.refund.isOriginalHeld:
		l.row.RefundStartedAt = uint64(max(clock.now, 1))
		l.enter(pb.PosState_POS_STATE_REFUNDING, clock.now, effects)
		l.requestRefund(l.startBy(), effects)
	case l.refund.isOriginalKnown:
		l.end(notRefunded(pb.Status_STATUS_ORIGINAL), clock, effects)
	case clock.now >= l.nextQuery:
		l.nextQuery = clock.now + TimerCodeErrorRetry
		if l.refund.isAbsent {
			l.askRefund(Ask{Call: PlatformCallQuery}, effects)
		} else {
			l.askRefund(l.refundQuestion(), effects)
		}
	}
}

func (l *life) startAskingRefund(clock instant, effects *effects) {
	if string(l.row.Run) != string(l.context.run) || l.row.NotIntact {
		l.refund.fence = max(l.refund.fence, l.context.started+int64(l.timers().Fence))
	}
	l.isRestarted, l.refund.isAbsent = false, false
	l.enter(pb.PosState_POS_STATE_ASKING, clock.now, effects)
}

func (l *life) stepAskingRefund(clock instant, effects *effects) {
	if l.isRestarted {
		if !l.context.isSynced {
			return
		}
		l.refund.fence = max(l.refund.fence, l.context.started+int64(l.timers().Fence))
		l.isRestarted = false
	}
	if l.moving != 0 || l.refund.asked != 0 {
		return
	}
	if l.isLeased(clock.now) && l.refund.isAbsent && l.row.RefundStartedAt != 0 {
		l.refund.isAbsent = false
		l.requestRefund(l.actBy(), effects)
		return
	}
	if clock.now >= l.nextQuery {
		l.scheduleRefundQuestion(clock.now)
		l.askRefund(l.refundQuestion(), effects)
	}
}

func (l *life) isLeased(now int64) bool { return !l.isLooking && l.isIntact() && now < l.actBy() }

func (l *life) scheduleRefundQuestion(now int64) {
	gap := int64(l.timers().AbsenceGap)
	next := now + askEvery
	if l.queries < len(refundGaps) {
		next = now + refundGaps[l.queries]*gap
	}
	l.queries++
	for nth := int64(0); l.refund.fence > l.entered && nth < askAfterFence; nth++ {
		if at := l.refund.fence + nth*gap; at > now {
			next = min(next, at)
			break
		}
	}
	l.nextQuery = next
}

func (l *life) refundQuestion() Ask {
	return Ask{Call: PlatformCallQueryRefund, RefundNumber: l.context.refundNumber(l.core), Fen: l.amount()}
}

func (l *life) askRefund(ask Ask, effects *effects) {
	merchant, number, isThere := l.context.original(l.core)
	if !isThere {
		return
	}
	ask.Merchant, ask.Number, ask.Total = merchant, number, int64(l.core.RefundOf.Amount)
	ask = l.context.ask(l.timers(), ask)
	l.refund.asked = ask.ID
	effects.later(ask)
}

func (l *life) requestRefund(notAfter int64, effects *effects) {
	merchant, number, isThere := l.context.original(l.core)
	if !isThere {
		return
	}
	l.moveMoney(Ask{
		Merchant: merchant, Call: PlatformCallRefund, Number: number, RefundNumber: l.context.refundNumber(l.core),
		Fen: l.amount(), NotAfter: notAfter,
	}, effects)
}

func (l *life) refundAnswered(answer *Answer, clock instant, effects *effects) {
	isFirst := l.refund.requested == 0 && l.row.State == pb.PosState_POS_STATE_REFUNDING
	if answer.FirstByte != nil {
		l.refund.requested++
		l.refund.fence = max(l.refund.fence, answer.Ended+int64(l.timers().Fence))
		l.refund.forgetAbsents()
	}
	if answer.Proof != ProofNotRefunded || isFirst {
		l.concludeRefund(answer, clock, effects)
	}
	if l.row.State == pb.PosState_POS_STATE_REFUNDING {
		l.startAskingRefund(clock, effects)
		l.nextQuery = clock.now + int64(l.timers().AbsenceGap)
	}
}

func (l *life) refundQuestionAnswered(answer *Answer, clock instant, effects *effects) {
	if l.refund.asked != answer.ID {
		return
	}
	l.refund.asked = 0
	isBeforeRequest := l.row.State == pb.PosState_POS_STATE_REFUNDING && !l.isLooking
	isPending := answer.Proof == ProofRefundPending
	switch {
	case isBeforeRequest && l.refund.isAbsent:
		l.judgeOriginal(answer)
	case answer.Proof == ProofAbsent:
		l.refundIsAbsent(answer, isBeforeRequest, clock, effects)
	default:
		if isPending {
			l.refund.isAbsent = false
			l.refund.forgetAbsents()
		}
		l.concludeRefund(answer, clock, effects)
		if isBeforeRequest && isPending {
			l.startAskingRefund(clock, effects)
		}
	}
}

func (l *life) refundIsAbsent(answer *Answer, isBeforeRequest bool, clock instant, effects *effects) {
	l.refund.isAbsent = true
	if isBeforeRequest {
		l.nextQuery = clock.now
	}
	if answer.FirstByte == nil {
		return
	}
	asked, gap := *answer.FirstByte, int64(l.timers().AbsenceGap)
	if !l.refund.isAbsentSet || asked >= l.refund.absentAt+gap {
		l.refund.absentAt, l.refund.isAbsentSet = asked, true
		l.refund.absents++
		if !isBeforeRequest {
			l.nextQuery = max(l.nextQuery, asked+gap)
		}
	}
	isFenced := l.isLooking || asked >= l.refund.fence
	isRefunding := l.row.State == pb.PosState_POS_STATE_REFUNDING
	if !isRefunding && !l.isLeased(clock.now) && isFenced && l.refund.absents >= answersNeeded {
		l.end(notRefunded(pb.Status_STATUS_REFUND_ABSENT), clock, effects)
	}
}

func (l *life) judgeOriginal(answer *Answer) {
	original := l.core.RefundOf
	switch answer.Proof {
	case ProofCaptured, ProofCapturedAndRefunded:
		capture := answer.Capture
		l.refund.isOriginalKnown = true
		l.refund.isOriginalHeld = capture.Fen == int64(original.Amount) && capture.PaymentNo == original.PaymentNo
	case ProofMismatch, ProofClosed, ProofAlive, ProofAbsent:
		l.refund.isOriginalKnown, l.refund.isOriginalHeld = true, false
	default:
		l.refund.isOriginalKnown = false
	}
	merchant, number, isThere := l.context.original(l.core)
	if l.refund.isOriginalHeld && isThere {
		l.evidence = []*evidence{{
			isOwn: true, number: number, merchant: merchant, latest: latestMoney, latestAt: answer.Ended,
		}}
	}
}

func (l *life) concludeRefund(answer *Answer, clock instant, effects *effects) {
	switch answer.Proof {
	case ProofRefunded:
		l.end(end{
			outcome: pb.Outcome_OUTCOME_REFUNDED, status: pb.Status_STATUS_REFUNDED,
			refundID: answer.RefundID, refundedAt: answer.RefundedAt,
		}, clock, effects)
	case ProofNotRefunded:
		if answer.IsClosed {
			l.end(notRefunded(pb.Status_STATUS_REFUND_CLOSED), clock, effects)
		} else {
			l.end(notRefunded(pb.Status_STATUS_REFUND_REFUSED), clock, effects)
		}
	case ProofRefundAbnormal:
		l.end(attention(pb.Status_STATUS_REFUND_ABNORMAL), clock, effects)
	case ProofNumberKnown:
		l.end(attention(pb.Status_STATUS_NUMBER_USED), clock, effects)
	}
}

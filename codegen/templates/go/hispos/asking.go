package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Asking how an order ended (payment, "Asking").

const (
	askEvery        = 30 * 60 * 1000
	askAfterFence   = 7
	undecidedInSecs = TimerUndecidedAfter / 1000
)

var askAt = []int64{0, 1, 2, 6, 30}

func (l *life) startAsking(clock instant, effects *effects) {
	l.askForTheEnd()
	l.code = ""
	l.enter(pb.PosState_POS_STATE_ASKING, clock.now, effects)
}

// startAskingEither is the same for an order of either kind.
func (l *life) startAskingEither(clock instant, effects *effects) {
	if l.isRefund() {
		l.startAskingRefund(clock, effects)
	} else {
		l.startAsking(clock, effects)
	}
}

// askForTheEnd has evidence of what decides the end, with the fence of what may still be under way.
func (l *life) askForTheEnd() {
	fence := int64(0)
	if !l.isLooking {
		for _, item := range l.evidence {
			fence = max(fence, item.fence)
		}
		if string(l.row.Run) != string(l.context.run) || l.row.NotIntact {
			fence = max(fence, l.context.started+int64(l.timers().Fence))
		}
	}
	before := l.evidence
	l.askEverywhere(fence)
	if l.row.Attempt != nil && l.isIntact() && !l.isLooking {
		l.evidence = slices.DeleteFunc(l.evidence, func(item *evidence) bool {
			return !item.isOwn || item.merchant.Channel != l.row.Attempt.Channel
		})
	}
	for _, item := range l.evidence {
		for _, known := range before {
			if known.number == item.number && known.merchant == item.merchant {
				item.find(known.finding, known.capture, known.death)
				item.inFlight = known.inFlight
				break
			}
		}
	}
}

func (l *life) stepAsking(clock instant, effects *effects) {
	if l.isRestarted {
		if !l.context.isSynced {
			return
		}
		l.isRestarted = false
		l.askForTheEnd()
	}
	if end, isConcluded := l.concluded(); isConcluded {
		l.end(end, clock, effects)
		return
	}
	if l.isUndecided(clock) {
		l.end(attention(pb.Status_STATUS_UNDECIDED), clock, effects)
		return
	}
	if l.mayReverseAgain(clock.now) {
		l.row.Reverses = max(l.row.Reverses, 1)
		l.reversed, l.nextReverse = 0, clock.now
		l.enter(pb.PosState_POS_STATE_REVERSING, clock.now, effects)
		return
	}
	if clock.now < l.nextQuery {
		return
	}
	l.scheduleQuestion(clock.now)
	for _, item := range l.evidence {
		if item.finding == findingNone {
			l.askAbout(item, effects)
		}
	}
}

func (l *life) mayReverseAgain(now int64) bool {
	if l.isLooking || l.row.Attempt == nil || !l.isIntact() || now >= l.actBy() {
		return false
	}
	return l.latest() == latestAlive && now >= l.paidFrom+max(l.poll(), int64(l.timers().ReverseMin))
}

func (l *life) scheduleQuestion(now int64) {
	timers := l.timers()
	isLeased := !l.isLooking && l.row.Attempt != nil && l.isIntact()
	if isLeased && now < l.actBy() {
		l.nextQuery = now + int64(timers.Query)
		return
	}
	gap := int64(timers.AbsenceGap)
	times := []int64{now + askEvery}
	for _, nth := range askAt {
		times = append(times, l.entered+nth*gap)
	}
	fences := []int64{}
	for _, item := range l.evidence {
		fences = append(fences, item.fence)
	}
	if rules := l.rules(now); rules.isExpiringEver {
		fences = append(fences, rules.expiredFrom)
	}
	for _, fence := range fences {
		for nth := int64(0); fence > l.entered && nth < askAfterFence; nth++ {
			times = append(times, fence+nth*gap)
		}
	}
	l.nextQuery = slices.Min(slices.DeleteFunc(times, func(at int64) bool { return at <= now }))
}

// keepTheGap: answers count only so far apart.
func (l *life) keepTheGap(gap int64) {
	if !l.isLooking && l.row.State != pb.PosState_POS_STATE_ASKING {
		return
	}
	for _, item := range l.evidence {
		if at, isSet := item.counted(); isSet {
			l.nextQuery = max(l.nextQuery, at+gap)
		}
	}
}

func (l *life) isUndecided(clock instant) bool {
	due := l.row.AcceptedUnix + undecidedInSecs
	return !l.isLooking && l.row.AcceptedUnix > 0 && clock.unix != 0 && clock.unix >= due
}

// concluded gives the end, if the evidence of every number decides it.
func (l *life) concluded() (end, bool) {
	isRefused, isKnownBefore := l.row.Attempt.GetPayerRefused(), l.row.Attempt.GetNumberKnown()
	isUnattempted := l.isIntact() && !l.isLooking && l.row.Attempt == nil
	if isUnattempted && l.has(func(item *evidence) bool { return item.hasMoney() || item.latest == latestAlive }) {
		return attention(pb.Status_STATUS_NUMBER_USED), true
	}
	var captures []Capture
	dead := deathNone
	for _, item := range l.evidence {
		switch item.finding {
		case findingNone:
			return end{}, false
		case findingMismatch:
			return attention(pb.Status_STATUS_CAPTURE_MISMATCH), true
		case findingRefunded:
			return attention(pb.Status_STATUS_CAPTURED_AND_REFUNDED), true
		case findingReversedInPart:
			return attention(pb.Status_STATUS_REVERSED_IN_PART), true
		case findingCaptured:
			if isKnownBefore || !item.isOwn {
				return attention(pb.Status_STATUS_NUMBER_USED), true
			}
			captures = append(captures, item.capture)
		case findingDead:
			dead = max(dead, item.death)
		}
	}
	switch {
	case len(captures) == 1:
		return paid(!l.isLooking && (l.row.CancelWanted || l.row.Reverses > 0), captures[0]), true
	case len(captures) > 1:
		return attention(pb.Status_STATUS_CAPTURED_TWICE), true
	case dead == deathNone:
		return end{}, false
	case isUnattempted && l.row.CancelWanted && l.row.StartBy == 0:
		return notPaid(pb.Status_STATUS_NEVER_SEEN), true
	case isUnattempted && l.row.CancelWanted:
		return notPaid(pb.Status_STATUS_CANCELLED), true
	}
	return notPaid(dead.status(isRefused)), true
}

package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// Collects (payment, "Collect"): waiting for a code, paying, reversing.

const reverseAfterQuery = 2_000

var reverseGaps = []int64{2_000, 4_000, 8_000, 15_000, 30_000}

// askEverywhere has evidence of every number that may stand for the order.
func (l *life) askEverywhere(fence int64) {
	l.evidence = nil
	numbers := []string{l.core.OrderNo}
	for _, number := range l.row.Search {
		if number != l.core.OrderNo {
			numbers = append(numbers, number)
		}
	}
	agreement := l.context.agreement(l.core.AgreementNo)
	if agreement == nil {
		return
	}
	for place, orderNo := range numbers {
		for _, channel := range channels {
			number := platformNumber(agreement.SiteCode, orderNo, channelLetters[channel])
			for nth, merchant := range l.context.merchantsOf(l.core, channel) {
				isOwn := place == 0 && nth == 0
				l.evidence = append(l.evidence, &evidence{isOwn: isOwn, number: number, merchant: merchant, fence: fence})
			}
		}
	}
}

func (l *life) has(isSo func(*evidence) bool) bool { return slices.ContainsFunc(l.evidence, isSo) }

func (l *life) stepWaitCode(clock instant, effects *effects) {
	if l.isRestarted {
		if l.context.isSynced {
			l.leaveWaitCode(pb.Status_STATUS_RESTARTED, clock, effects)
		}
		return
	}
	isAnswered := !l.has(func(item *evidence) bool { return item.latest == latestNone })
	switch {
	case l.has(func(item *evidence) bool { return item.latest == latestAlive || item.latest == latestMoney }):
		l.end(attention(pb.Status_STATUS_NUMBER_USED), clock, effects)
		return
	case isAnswered && l.has(func(item *evidence) bool { return item.latest == latestClosed }):
		l.end(notPaid(pb.Status_STATUS_NUMBER_CLOSED), clock, effects)
		return
	case l.row.CancelWanted:
		l.leaveWaitCode(pb.Status_STATUS_CANCELLED, clock, effects)
		return
	case clock.now >= l.startBy() && l.code != "":
		l.leaveWaitCode(pb.Status_STATUS_PLATFORM_DOWN, clock, effects)
		return
	case clock.now >= l.startBy():
		l.leaveWaitCode(pb.Status_STATUS_NO_CODE, clock, effects)
		return
	}
	date, isDated := l.context.platformTime(l.codeChannel, clock.now)
	if l.code != "" && isDated && l.mayPay(isAnswered) {
		l.pay(date, clock, effects)
		return
	}
	if clock.now < l.nextQuery {
		return
	}
	l.nextQuery = clock.now + TimerCodeErrorRetry
	for _, item := range l.evidence {
		isUndated := l.code != "" && !isDated && item.isOwn && item.merchant.Channel == l.codeChannel
		if item.latest == latestNone || isUndated {
			l.askAbout(item, effects)
		}
	}
}

func (l *life) leaveWaitCode(why pb.Status, clock instant, effects *effects) {
	if len(l.row.Search) == 0 && l.isIntact() {
		l.end(notPaid(why), clock, effects)
	} else {
		l.startAsking(clock, effects)
	}
}

func (l *life) ownOf(channel pb.Channel) *evidence {
	for _, item := range l.evidence {
		if item.isOwn && item.merchant.Channel == channel {
			return item
		}
	}
	return nil
}

// mayPay: the own number is absent, and so was everything that is searched.
func (l *life) mayPay(isAnswered bool) bool {
	own := l.ownOf(l.codeChannel)
	return own != nil && own.latest == latestAbsent && (len(l.row.Search) == 0 || isAnswered)
}

func (l *life) pay(date uint64, clock instant, effects *effects) {
	own, code := l.ownOf(l.codeChannel), l.code
	l.code = ""
	expiresAt := date + expirySeconds(l.timers())
	l.row.Attempt = &pb.PayAttempt{
		Channel: l.codeChannel, CodeHash: hmacOf(l.context.seed, []byte(LabelPaymentCode), []byte{0}, []byte(code)),
		CodeLast: string(code[max(0, len(code)-4):]), At: uint64(clock.now), ExpiresAt: expiresAt,
	}
	l.evidence = []*evidence{{isOwn: true, number: own.number, merchant: own.merchant, fence: own.fence}}
	l.paidFrom = clock.now
	l.enter(pb.PosState_POS_STATE_PAYING, clock.now, effects)
	l.moveMoney(Ask{
		Merchant: own.merchant, Call: PlatformCallPay, Number: own.number, Code: code, ExpiresAt: expiresAt,
		NotAfter: l.startBy(),
	}, effects)
}

func expirySeconds(timers *pb.AgreedTimers) uint64 { return (uint64(timers.Expiry) + 999) / 1000 }

func (l *life) payAnswered(answer *Answer, clock instant, effects *effects) {
	if answer.FirstByte == nil {
		l.end(notPaid(pb.Status_STATUS_PLATFORM_DOWN), clock, effects)
		return
	}
	timers, own := l.timers(), l.attempted()
	l.paidFrom = *answer.FirstByte
	own.fencedFrom(answer.Ended, int64(timers.Fence))
	own.latest = latestNone
	after := int64(TimerQueryFirstAfterLoss)
	if answer.Answered {
		after = TimerQueryFirst
	}
	l.nextQuery = answer.Ended + min(after, int64(timers.Query))
	switch answer.Proof {
	case ProofCaptured:
		own.find(findingCaptured, answer.Capture, deathNone)
		l.captured(answer.Capture, clock, effects)
	case ProofRefused:
		l.end(notPaid(pb.Status_STATUS_CODE_REFUSED), clock, effects)
	case ProofMerchantRefused:
		l.end(notPaid(pb.Status_STATUS_MERCHANT_REFUSED), clock, effects)
	case ProofPayerRefused:
		l.row.Attempt.PayerRefused = true
		effects.write(l.write())
		l.nextQuery = clock.now
	case ProofNumberKnown:
		l.row.Attempt.NumberKnown = true
		effects.write(l.write())
		effects.later(Alarm{AlarmNumberKnown, l.core.OrderNo})
	default:
		l.isConfirming = true
	}
}

// captured ends the order as paid, or needs people if the capture is older than the attempt.
func (l *life) captured(capture Capture, clock instant, effects *effects) {
	attempt := l.row.Attempt
	isForeign := attempt == nil || attempt.NumberKnown
	if !isForeign && capture.CapturedAt != 0 {
		written := attempt.ExpiresAt - min(attempt.ExpiresAt, expirySeconds(l.timers()))
		isForeign = capture.CapturedAt+1 < written
	}
	if isForeign {
		l.end(attention(pb.Status_STATUS_NUMBER_USED), clock, effects)
		return
	}
	l.end(paid(l.row.CancelWanted || l.row.Reverses > 0, capture), clock, effects)
}

// concludeAttempt ends the order if what is found of its attempt does.
func (l *life) concludeAttempt(clock instant, effects *effects) bool {
	own := l.attempted()
	if own == nil {
		return false
	}
	isRefused := l.row.Attempt.PayerRefused
	switch own.finding {
	case findingCaptured:
		l.captured(own.capture, clock, effects)
	case findingMismatch:
		l.end(attention(pb.Status_STATUS_CAPTURE_MISMATCH), clock, effects)
	case findingRefunded:
		l.end(attention(pb.Status_STATUS_CAPTURED_AND_REFUNDED), clock, effects)
	case findingReversedInPart:
		l.end(attention(pb.Status_STATUS_REVERSED_IN_PART), clock, effects)
	case findingDead:
		l.end(notPaid(own.death.status(isRefused)), clock, effects)
	default:
		isDead := isRefused && own.latest == latestAbsent && l.row.State == pb.PosState_POS_STATE_PAYING
		if isDead {
			l.end(notPaid(deathAbsent.status(true)), clock, effects)
		}
		return isDead
	}
	return true
}

func (l *life) stepPaying(clock instant, effects *effects) {
	switch {
	case l.moving != 0 || l.concludeAttempt(clock, effects):
	case clock.now >= l.actBy() || l.isRestarted:
		l.startAsking(clock, effects)
	case l.isReverseDue(clock.now):
		l.row.Reverses = 1
		l.enter(pb.PosState_POS_STATE_REVERSING, clock.now, effects)
	default:
		l.queryAttemptWhenDue(clock.now, effects)
	}
}

func (l *life) isReverseDue(now int64) bool {
	attempt := l.row.Attempt
	if attempt == nil {
		return false
	}
	latest := l.latest()
	isWanted := now >= l.paidFrom+l.poll() || l.row.CancelWanted || attempt.PayerRefused
	isAlive := latest == latestAlive || latest == latestAbsent && !attempt.PayerRefused
	return isWanted && isAlive && now >= l.paidFrom+int64(l.timers().ReverseMin) && now < l.actBy()
}

func (l *life) queryAttemptWhenDue(now int64, effects *effects) {
	if now < l.nextQuery {
		return
	}
	l.nextQuery = now + int64(l.timers().Query)
	for _, item := range l.evidence {
		if item.isOwn {
			if item.inFlight == 0 {
				l.asked = now
			}
			l.askAbout(item, effects)
			return
		}
	}
}

func (l *life) stepReversing(clock instant, effects *effects) {
	if l.moving != 0 || l.concludeAttempt(clock, effects) {
		return
	}
	if clock.now >= l.actBy() || l.isRestarted {
		l.startAsking(clock, effects)
		return
	}
	isFirst, own := l.reversed == 0, l.attempted()
	if own == nil {
		return
	}
	isFresh := own.latest != latestNone && clock.now < own.latestAt+reverseAfterQuery
	isReady := isFresh && (own.latest == latestAlive || isFirst && own.latest == latestAbsent)
	if isReady && clock.now >= l.nextReverse {
		l.moveMoney(Ask{
			Merchant: own.merchant, Call: PlatformCallReverse, Number: own.number, NotAfter: l.actBy(),
		}, effects)
		return
	}
	isAwaited := (own.latest == latestAlive || isFirst) && own.inFlight == 0
	due := max(l.nextReverse, l.asked+reverseAfterQuery)
	if isAwaited && l.nextQuery > due+reverseAfterQuery {
		l.nextQuery = due
	}
	l.queryAttemptWhenDue(clock.now, effects)
}

func (l *life) reverseAnswered(answer *Answer) {
	timers := l.timers()
	gap := reverseGaps[min(l.reversed, len(reverseGaps)-1)]
	l.nextQuery = answer.Ended
	l.nextReverse = answer.Ended + min(gap, 6*int64(timers.Query))
	if answer.FirstByte == nil {
		return
	}
	l.reversed++
	l.row.ReversedAt = uint64(answer.Ended)
	if own := l.attempted(); own != nil {
		own.fencedFrom(answer.Ended, int64(timers.Fence))
		own.latest = latestNone
	}
}

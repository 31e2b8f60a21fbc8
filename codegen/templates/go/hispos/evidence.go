package hispos

import pb "hispos-client/internal/messages"

// What is known of one number at one merchant (payment, "Evidence").

const answersNeeded = 3

// latest is what a number's latest query said.
type latest int

const (
	latestNone latest = iota
	latestAlive
	latestAbsent
	latestClosed
	latestMoney
)

// finding is what is proven of a number.
type finding int

const (
	findingNone finding = iota
	findingCaptured
	findingMismatch
	findingRefunded
	findingReversedInPart
	findingDead
)

// death is why a number can never be paid any more; the greatest one counts.
type death int

const (
	deathNone death = iota
	deathAbsent
	deathExpired
	deathClosed
)

func (d death) status(isPayerRefused bool) pb.Status {
	switch {
	case d == deathClosed && isPayerRefused:
		return pb.Status_STATUS_PAYER_REFUSED
	case d == deathClosed:
		return pb.Status_STATUS_CLOSED
	case d == deathAbsent && isPayerRefused:
		return pb.Status_STATUS_PAYER_REFUSED_ABSENT
	case d == deathAbsent:
		return pb.Status_STATUS_ABSENT
	}
	return pb.Status_STATUS_EXPIRED
}

// rulesNow are those by which an answer counts.
type rulesNow struct {
	isReversed bool
	// A capture counts only if it was asked for behind the fence.
	isCaptureFenced bool
	// From when an alive number counts as expired; never while it may be reversed.
	expiredFrom    int64
	isExpiringEver bool
	gap            int64
}

// streak counts answers in a row that are far enough apart.
type streak struct {
	count int
	last  int64
	isSet bool
}

func (s *streak) counts(at, gap int64) bool {
	if s.isSet && at < s.last+gap {
		return false
	}
	s.last, s.isSet = at, true
	s.count++
	return s.count >= answersNeeded
}

// evidence is one number at one merchant.
type evidence struct {
	// The order's own number at its own merchant.
	isOwn    bool
	number   string
	merchant Merchant
	fence    int64
	// The question that is on its way, 0 without one.
	inFlight      uint64
	latest        latest
	latestAt      int64
	finding       finding
	death         death
	capture       Capture
	absent, alive streak
}

// fencedFrom: a request was written: what is known before counts no more.
func (e *evidence) fencedFrom(ended, fence int64) {
	e.fence = max(e.fence, ended+fence)
	e.absent, e.alive = streak{}, streak{}
}

func (e *evidence) find(found finding, capture Capture, dead death) {
	e.finding, e.capture, e.death = found, capture, dead
}

func (e *evidence) judge(answer *Answer, rules rulesNow) {
	if answer.FirstByte == nil {
		return
	}
	asked := *answer.FirstByte
	isBehindFence := asked >= e.fence
	latest := latestMoney
	switch answer.Proof {
	case ProofCaptured:
		if isBehindFence || !rules.isCaptureFenced {
			e.find(findingCaptured, answer.Capture, deathNone)
		}
	case ProofMismatch:
		e.find(findingMismatch, answer.Capture, deathNone)
	case ProofCapturedAndRefunded:
		switch {
		case !rules.isReversed:
			e.find(findingRefunded, answer.Capture, deathNone)
		case answer.Refunded >= answer.Capture.Fen:
			e.find(findingDead, Capture{}, deathClosed)
		default:
			e.find(findingReversedInPart, answer.Capture, deathNone)
		}
	case ProofClosed:
		latest = latestClosed
		e.find(findingDead, Capture{}, deathClosed)
	case ProofAlive:
		latest = latestAlive
		e.absent = streak{}
		isEnough := e.alive.counts(asked, rules.gap)
		if isEnough && rules.isExpiringEver && asked >= rules.expiredFrom {
			e.find(findingDead, Capture{}, deathExpired)
		}
	case ProofAbsent:
		latest = latestAbsent
		e.alive = streak{}
		if e.absent.counts(asked, rules.gap) && isBehindFence {
			e.find(findingDead, Capture{}, deathAbsent)
		}
	default:
		return
	}
	e.latest, e.latestAt = latest, answer.Ended
}

// counted is when an answer last counted.
func (e *evidence) counted() (int64, bool) {
	at := notYet
	for _, item := range []streak{e.absent, e.alive} {
		if item.isSet {
			at = max(at, item.last)
		}
	}
	return at, at != notYet
}

// hasMoney tells whether money was seen on the number.
func (e *evidence) hasMoney() bool { return e.finding != findingNone && e.finding != findingDead }

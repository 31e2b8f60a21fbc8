package hispos

import (
	"slices"

	pb "hispos-client/internal/messages"
)

// What all orders of a POS share.

// platformDate is a time that a platform told, and when it did.
type platformDate struct {
	unix  uint64
	ended int64
}

// context is what all orders of a POS share.
type context struct {
	crypto   Crypto
	deviceID string
	seed     []byte
	// The newest first.
	agreements []*Agreement
	merchants  []Merchant
	verified   map[Merchant]bool
	boot, run  []byte
	started    int64
	// A Sync came since the start; the journal contained every anchor that was shown.
	isSynced, isAnchored bool
	dates                map[pb.Channel]platformDate
	nextAsk              uint64
}

func (c *context) agreement(number uint32) *Agreement {
	for _, agreement := range c.agreements {
		if agreement.AgreementNo == number {
			return agreement
		}
	}
	return nil
}

var usualTimers = &pb.AgreedTimers{
	Start: TimerStart, Act: TimerAct, Drift: TimerDrift, Connect: TimerConnect, Http: TimerHttp,
	PollWechat: TimerPollWechat, PollAlipay: TimerPollAlipay, ReverseMin: TimerReverseMin, Fence: TimerFence,
	Quiet: TimerQuiet, Expiry: TimerExpiry, Query: TimerQuery, AbsenceGap: TimerAbsenceGap,
}

func (c *context) timers(core *pb.OrderCore) *pb.AgreedTimers {
	if agreement := c.agreement(core.AgreementNo); agreement != nil {
		return agreement.Timers
	}
	return usualTimers
}

// merchantsOf gives the order's own merchant of a channel, then those that other agreements had and that can be asked.
func (c *context) merchantsOf(core *pb.OrderCore, channel pb.Channel) []Merchant {
	agreement := c.agreement(core.AgreementNo)
	if agreement == nil {
		return nil
	}
	own, isThere := merchantOf(agreement, channel)
	if !isThere {
		return nil
	}
	found := []Merchant{own}
	for _, other := range c.agreements {
		merchant, isThere := merchantOf(other, channel)
		if isThere && slices.Contains(c.merchants, merchant) && !slices.Contains(found, merchant) {
			found = append(found, merchant)
		}
	}
	return found
}

// original gives merchant and number of what a refund gives back.
func (c *context) original(core *pb.OrderCore) (Merchant, string, bool) {
	refund := core.RefundOf
	if refund == nil || c.agreement(refund.AgreementNo) == nil {
		return Merchant{}, "", false
	}
	agreement := c.agreement(refund.AgreementNo)
	merchant, isThere := merchantOf(agreement, refund.Channel)
	return merchant, platformNumber(agreement.SiteCode, refund.OrderNo, channelLetters[refund.Channel]), isThere
}

func (c *context) refundNumber(core *pb.OrderCore) string {
	return platformNumber(c.agreement(core.AgreementNo).SiteCode, core.OrderNo, refundLetter)
}

func (c *context) canAsk(core *pb.OrderCore) bool {
	return c.needsOnly(core, func(merchant Merchant) bool { return slices.Contains(c.merchants, merchant) })
}

func (c *context) mayMove(core *pb.OrderCore) bool {
	return c.needsOnly(core, func(merchant Merchant) bool { return c.verified[merchant] })
}

func (c *context) needsOnly(core *pb.OrderCore, isGood func(Merchant) bool) bool {
	agreement := c.agreement(core.AgreementNo)
	if agreement == nil {
		return false
	}
	needed := agreement.Merchants()
	if core.RefundOf != nil {
		merchant, _, isThere := c.original(core)
		if !isThere {
			return false
		}
		needed = []Merchant{merchant}
	}
	return len(needed) > 0 && !slices.ContainsFunc(needed, func(merchant Merchant) bool { return !isGood(merchant) })
}

// ask numbers a question.
func (c *context) ask(timers *pb.AgreedTimers, ask Ask) Ask {
	c.nextAsk++
	ask.ID, ask.HTTP, ask.Connect = c.nextAsk, int64(timers.Http), int64(timers.Connect)
	return ask
}

// platformTime is the platform's own time now, as its latest answer told.
func (c *context) platformTime(channel pb.Channel, now int64) (uint64, bool) {
	date, isKnown := c.dates[channel]
	return date.unix + uint64(max(now-date.ended, 0)+999)/1000, isKnown
}

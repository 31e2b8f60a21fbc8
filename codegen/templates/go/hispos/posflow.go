package hispos

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// The order flow of a POS: orders in, questions to platforms, results out (payment). It holds no clock and no storage:
// each step gives what is to be written, and what follows once that is durable.

// effects are what one step of the flow wants.
type effects struct {
	writes []write
	then   []effect
}

// effect follows when everything of its step is durable: an ask, an OrderState, an event or the number to report.
type effect any

type reportNow struct{ orderNo string }

func (e *effects) write(item write) {
	e.writes = slices.DeleteFunc(e.writes, func(earlier write) bool { return earlier.rowKey == item.rowKey })
	e.writes = append(e.writes, item)
}

func (e *effects) later(item effect) { e.then = append(e.then, item) }

// asked is whom a question is about.
type asked struct {
	orderNo    string
	isLook     bool
	isMerchant bool
	merchant   Merchant
}

type posFlow struct {
	context     *context
	lives       map[string]*life
	looks       map[string]*life
	asks        map[uint64]asked
	unanswered  []string
	nextVerify  int64
	verifyAgain bool
}

func newPosFlow(context *context, now int64) *posFlow {
	return &posFlow{
		context: context, lives: map[string]*life{}, looks: map[string]*life{}, asks: map[uint64]asked{}, nextVerify: now,
	}
}

// provision takes over agreements, the newest first, and the merchants whose credentials are held.
func (f *posFlow) provision(agreements []*Agreement, merchants []Merchant, now int64) {
	f.context.agreements, f.context.merchants = agreements, merchants
	maps.DeleteFunc(f.context.verified, func(merchant Merchant, _ bool) bool {
		return !slices.Contains(merchants, merchant)
	})
	f.nextVerify, f.verifyAgain = now, true
}

// load takes a stored order in; atStart marks what an earlier run left open.
func (f *posFlow) load(row []byte, atStart bool, now int64) {
	stored := &pb.PosOrder{}
	if proto.Unmarshal(row, stored) != nil {
		return
	}
	core, err := readCore(stored.Core)
	if err != nil || f.lives[core.OrderNo] != nil {
		return
	}
	life := f.newLife(core, stored, now)
	isEnded := life.row.State == pb.PosState_POS_STATE_ENDED
	if atStart && isEnded && life.row.Answered == 0 {
		f.unanswered = append(f.unanswered, core.OrderNo)
	}
	life.isRestarted = atStart && !isEnded
	if life.isRestarted && life.row.Attempt != nil {
		timers := f.context.timers(core)
		life.paidFrom += int64(timers.Connect) + int64(timers.Http)
	}
	f.lives[core.OrderNo] = life
}

// scan takes a patient's code; false if no order waits for one of its channel.
func (f *posFlow) scan(channel pb.Channel, code Secret, clock instant, effects *effects) bool {
	life := f.waiting()
	if life == nil {
		return false
	}
	agreement := f.context.agreement(life.core.AgreementNo)
	if agreement == nil {
		return false
	}
	if _, isThere := merchantOf(agreement, channel); !isThere {
		return false
	}
	life.code, life.codeChannel = code, channel
	f.step(life.core.OrderNo, clock, effects)
	return true
}

func (f *posFlow) numbers() []string { return slices.Sorted(maps.Keys(f.lives)) }

func (f *posFlow) waiting() *life {
	for _, number := range f.numbers() {
		if life := f.lives[number]; life.row.State == pb.PosState_POS_STATE_WAIT_CODE && !life.isRestarted {
			return life
		}
	}
	return nil
}

// active is the order that blocks another one.
func (f *posFlow) active() *life {
	for _, number := range f.numbers() {
		switch f.lives[number].row.State {
		case pb.PosState_POS_STATE_WAIT_CODE, pb.PosState_POS_STATE_PAYING, pb.PosState_POS_STATE_REFUNDING:
			return f.lives[number]
		}
	}
	return nil
}

// answer takes what came of a question.
func (f *posFlow) answer(answer *Answer, clock instant, effects *effects) {
	about, isKnown := f.asks[answer.ID]
	delete(f.asks, answer.ID)
	switch {
	case !isKnown:
	case about.isMerchant:
		f.merchantAnswered(about.merchant, answer, effects)
	default:
		lives := f.lives
		if about.isLook {
			lives = f.looks
		}
		if life := lives[about.orderNo]; life != nil {
			life.noteDate(answer)
			life.answered(answer, clock, effects)
		}
		f.settle(about.orderNo, about.isLook, clock, effects)
	}
}

func (f *posFlow) merchantAnswered(merchant Merchant, answer *Answer, effects *effects) {
	if answer.Date != 0 {
		f.context.dates[merchant.Channel] = platformDate{answer.Date, answer.Ended}
	}
	before := f.context.verified[merchant]
	switch answer.Proof {
	case ProofVerified:
		f.context.verified[merchant] = true
	case ProofMerchantRefused:
		delete(f.context.verified, merchant)
	}
	if before != f.context.verified[merchant] {
		effects.later(MerchantChanged{merchant, !before})
	}
}

// tick does what is due.
func (f *posFlow) tick(clock instant, effects *effects) {
	for _, number := range f.numbers() {
		f.step(number, clock, effects)
	}
	for _, number := range slices.Sorted(maps.Keys(f.looks)) {
		f.looks[number].step(clock, effects)
		f.settle(number, true, clock, effects)
	}
	for _, number := range f.numbers() {
		life := f.lives[number]
		if due, isSet := life.unconfirmedAt(); isSet && clock.now >= due {
			life.isUnconfirmedTold = true
			effects.later(Alarm{AlarmUnconfirmed, number})
		}
	}
	f.verifyMerchants(clock.now, effects)
}

func (f *posFlow) verifyMerchants(now int64, effects *effects) {
	isAsked := map[Merchant]bool{}
	for _, about := range f.asks {
		if about.isMerchant {
			isAsked[about.merchant] = true
		}
	}
	var missing []Merchant
	for _, merchant := range f.context.merchants {
		if f.verifyAgain || !f.context.verified[merchant] && !isAsked[merchant] {
			missing = append(missing, merchant)
		}
	}
	if len(missing) == 0 || now < f.nextVerify {
		return
	}
	f.verifyAgain = false
	f.nextVerify = now + TimerVerifyRetry
	for _, merchant := range missing {
		timers := usualTimers
		for _, agreement := range slices.Backward(f.context.agreements) {
			if own, isThere := merchantOf(agreement, merchant.Channel); isThere && own == merchant {
				timers = agreement.Timers
			}
		}
		ask := f.context.ask(timers, Ask{Merchant: merchant, Call: PlatformCallVerify})
		f.asks[ask.ID] = asked{isMerchant: true, merchant: merchant}
		effects.later(ask)
	}
}

func (f *posFlow) step(orderNo string, clock instant, effects *effects) {
	if life := f.lives[orderNo]; life != nil {
		life.step(clock, effects)
	}
	f.settle(orderNo, false, clock, effects)
}

// settle notes whose the questions of a step are, and what has to be reported.
func (f *posFlow) settle(orderNo string, isLook bool, clock instant, effects *effects) {
	for _, item := range effects.then {
		switch item := item.(type) {
		case Ask:
			if _, isKnown := f.asks[item.ID]; !isKnown {
				f.asks[item.ID] = asked{orderNo: orderNo, isLook: isLook}
			}
		case reportNow:
			if !slices.Contains(f.unanswered, item.orderNo) {
				f.unanswered = append(f.unanswered, item.orderNo)
			}
		}
	}
	if isLook {
		if look := f.looks[orderNo]; look != nil && !look.isLooking {
			delete(f.looks, orderNo)
			f.lives[orderNo] = look
		}
		return
	}
	if life := f.lives[orderNo]; life != nil {
		life.tell(clock.now, effects)
	}
}

// deadlines are the instants behind now at which tick has something to do.
func (f *posFlow) deadlines(now int64) []int64 {
	var found []int64
	for _, life := range f.lives {
		found = append(found, life.deadlines(now)...)
		if due, isSet := life.unconfirmedAt(); isSet {
			found = append(found, due)
		}
	}
	for _, look := range f.looks {
		found = append(found, look.deadlines(now)...)
	}
	for _, merchant := range f.context.merchants {
		if !f.context.verified[merchant] {
			found = append(found, f.nextVerify)
		}
	}
	return slices.DeleteFunc(found, func(at int64) bool { return at <= now })
}

// confirmed takes what HIS did with a result.
func (f *posFlow) confirmed(confirm *pb.ConfirmResult, effects *effects) {
	life := f.lives[confirm.OrderNo]
	isKnown := confirm.Disposition == pb.Disposition_DISPOSITION_RECORDED ||
		confirm.Disposition == pb.Disposition_DISPOSITION_KEPT
	if life == nil || !isKnown || string(resultHash(life.row.Result)) != string(confirm.ResultHash) {
		return
	}
	life.row.Answered = confirm.Disposition
	if confirm.Disposition == pb.Disposition_DISPOSITION_RECORDED {
		life.row.Recorded, life.row.RecordedResult = true, nil
	}
	if look := f.looks[confirm.OrderNo]; look != nil {
		look.follows(life.row)
	}
	effects.write(life.write())
	effects.later(Answered{confirm.OrderNo, confirm.Disposition})
	f.unanswered = slices.DeleteFunc(f.unanswered, func(number string) bool { return number == confirm.OrderNo })
	if life.row.State == pb.PosState_POS_STATE_ENDED {
		delete(f.lives, confirm.OrderNo)
	}
}

// synced: a Sync showed an anchor, and the journal contains it, or not.
func (f *posFlow) synced(isContained bool, clock instant, effects *effects) {
	isFirst := !f.context.isSynced
	f.context.isSynced = true
	if !isContained {
		f.context.isAnchored = false
		effects.later(Alarm{AlarmJournalWentBack, ""})
	}
	for _, number := range f.numbers() {
		life := f.lives[number]
		isOpen := life.row.State != pb.PosState_POS_STATE_ENDED
		isOtherBoot := isFirst && life.isRestarted && string(life.row.Boot) != string(f.context.boot)
		isMarked := !isContained && isOpen || isContained && isOtherBoot
		if isMarked && !life.row.NotIntact {
			life.row.NotIntact = true
			effects.write(life.write())
		}
	}
	f.tick(clock, effects)
}

package hispos

import (
	"testing"

	pb "hispos-client/internal/messages"
)

// Links whose books are not durable yet, requests that wait for a free call, and times that have nothing to do.

func TestWhatHisConfirmedCountsIfTheJournalIsLateAndTheSessionEnds(t *testing.T) {
	for _, isReplaced := range []bool{false, true} {
		both, _, _ := newPaired(t)
		ledger, journal := &slowMemory{}, &slowMemory{}
		both.his.Ledger.book.storage, both.pos.book.storage = ledger, journal
		both.connect()
		number, err := both.his.Collect("bill-1", 100, 0, both.now)
		if err != nil {
			t.Fatal(err)
		}
		both.run(100)
		if err := both.his.Cancel(number, both.now); err != nil {
			t.Fatal(err)
		}
		cancel := drained(both.his)
		ledger.isLate = true
		both.pos.Feed(cancel, both.now)
		both.run(60_000)
		if len(both.pos.flow.unanswered) != 1 {
			t.Fatal("nothing is reported")
		}
		ledger.isLate, journal.isLate = false, true
		both.his.Persisted(both.now)
		both.pos.Feed(drained(both.his), both.now)
		if isReplaced {
			both.his.session.start(both.now)
			both.pos.Feed(drained(both.his), both.now)
			both.his.Feed(drained(both.pos), both.now)
		} else {
			both.his.Close(both.now)
		}
		before := both.pos.live
		both.pos.Feed(drained(both.his), both.now)
		if both.pos.live == before {
			t.Fatal("the session goes on")
		}
		journal.isLate = false
		both.pos.Persisted(both.now)
		if len(both.pos.flow.unanswered) != 0 {
			t.Errorf("replaced: %v: what was confirmed is lost", isReplaced)
		}
	}
}

func TestARequestOfASessionThatEndsWhileTheJournalIsLateIsNotAnswered(t *testing.T) {
	both, _, _ := newPaired(t)
	journal := &slowMemory{}
	both.pos.book.storage = journal
	both.connect()
	journal.isLate = true
	if err := both.his.Totals(both.his.Ledger.today(), both.now); err != nil {
		t.Fatal(err)
	}
	both.pos.Feed(drained(both.his), both.now)
	both.his.Close(both.now)
	both.pos.Feed(drained(both.his), both.now)
	both.again()
	live := both.pos.live
	journal.isLate = false
	both.pos.Persisted(both.now)
	both.run(50)
	if live == nil || both.pos.live != live || !both.his.IsReady() {
		t.Error("it is taken for one of the next session")
	}
}

func TestAPingThatWaitsForAFreeCallIsNotMadeAgain(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	for range LimitOpenCallsMax {
		if err := both.his.Totals(both.his.Ledger.today(), both.now); err != nil {
			t.Fatal(err)
		}
	}
	for _, open := range both.his.calls.open {
		open.isDropped, open.droppedAt = true, both.now
	}
	both.now += TimerPingAfter
	for range 3 {
		both.his.OnTimer(both.now)
		if err := both.his.Pull(both.now); err != nil {
			t.Fatal(err)
		}
	}
	if count := len(both.his.calls.waiting); count != 2 {
		t.Errorf("%d requests wait, and a ping and a list are two", count)
	}
	if due, isSet := both.his.NextTimer(); !isSet || due <= both.now {
		t.Errorf("it wants to be called at %d, and now is %d", due, both.now)
	}
}

func TestAPauseOfAnOrderThatAnotherLinkEndsIsNotDue(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	number, err := both.his.Collect("bill-1", 100, 0, both.now)
	if err != nil {
		t.Fatal(err)
	}
	both.his.dropCalls(number, both.now)
	both.his.askFrom[number] = both.now + 1_000
	if due, _ := both.his.NextTimer(); due != both.now+1_000 {
		t.Errorf("it is asked about at %d, and now is %d", due, both.now)
	}
	batch := both.his.Ledger.batch()
	order := batch.order(number)
	order.State, order.LeasedUntil = pb.HisState_HIS_STATE_NOT_PAID, 0
	batch.put(pb.Table_TABLE_ORDER, number, order)
	if err := batch.commit(); err != nil {
		t.Fatal(err)
	}
	both.now += 2_000
	both.his.OnTimer(both.now)
	if due, isSet := both.his.NextTimer(); !isSet || due <= both.now {
		t.Errorf("it wants to be called at %d, and now is %d", due, both.now)
	}
}

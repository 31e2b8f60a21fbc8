package hispos

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// newer is the site's agreement with another number.
func newer(t *testing.T, agreement *Agreement) *Agreement {
	t.Helper()
	payload := proto.Clone(agreement.Agreement).(*pb.Agreement)
	payload.AgreementNo++
	made, err := newAgreement(encode(payload))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// paired are a HIS and a POS that share a line without a delay.
type paired struct {
	his *HisLink
	pos *PosLink
	now int64
}

func newPaired(t testing.TB) (*paired, *Site, *Manifest) {
	t.Helper()
	site := loadVectors(t, "conversations.json").object("site")
	agreement, err := newAgreement(site.bytes("agreement"))
	if err != nil {
		t.Fatal(err)
	}
	devices, err := parseManifest(pb.FileKind_FILE_KIND_DEVICE_MANIFEST, site.bytes("device_manifest"))
	if err != nil {
		t.Fatal(err)
	}
	terminals, err := parseManifest(pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, site.bytes("terminal_manifest"))
	if err != nil {
		t.Fatal(err)
	}
	made := &paired{now: conversationBegin}
	unix := func() uint64 { return uint64(site.number("unix") + (made.now-conversationBegin)/1000) }
	of := &Site{[]*Agreement{agreement}, devices, site.bytes("site_secret")}
	book := func() *Book {
		opened, err := OpenBook(&Memory{})
		if err != nil {
			t.Fatal(err)
		}
		return opened
	}
	counter := byte(0)
	draw := func(length int) []byte {
		counter++
		return sha256Of([]byte{counter})[:length]
	}
	ledger, err := OpenLedger(book(), of, Standard{}, unix, draw(8))
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.BeginRun(made.now); err != nil {
		t.Fatal(err)
	}
	journal := book()
	if err := BeginJournal(journal, draw(8), unix()); err != nil {
		t.Fatal(err)
	}
	end := NewEnd(Standard{}, site.text("terminal_id"), site.bytes("terminal_seed"), devices.Registry())
	made.his = NewHisLink(end, site.text("device_id"), draw, ledger)
	made.pos, err = NewPosLink(PosConfig{
		End:  NewEnd(Standard{}, site.text("device_id"), site.bytes("device_seed"), terminals.Registry()),
		Boot: draw(16), Software: "test", Agreements: of.Agreements, Terminals: terminals,
		Merchants: agreement.Merchants(), Draw: draw, Unix: unix, Journal: journal,
	}, made.now)
	if err != nil {
		t.Fatal(err)
	}
	return made, of, terminals
}

// connect opens the line, and lets both speak.
func (p *paired) connect() {
	p.his.Opened(p.now)
	p.pos.Opened(p.now)
	p.run(10_000)
}

// run lets both live so many milliseconds; the platform verifies, and knows no number.
func (p *paired) run(milliseconds int64) {
	for end := p.now + milliseconds; p.now < end; p.now += 50 {
		p.his.OnTimer(p.now)
		p.pos.OnTimer(p.now)
		for isMoving := true; isMoving; {
			isMoving = false
			for data := p.his.PollTransmit(); data != nil; data = p.his.PollTransmit() {
				isMoving = true
				p.pos.Feed(data, p.now)
			}
			for ask, isAsked := p.pos.PollAsk(); isAsked; ask, isAsked = p.pos.PollAsk() {
				proof := ProofAbsent
				if ask.Call == PlatformCallVerify {
					proof = ProofVerified
				}
				now := p.now
				p.pos.Answer(Answer{ID: ask.ID, Proof: proof, FirstByte: &now, Ended: now, Answered: true}, p.now)
			}
			for data := p.pos.PollTransmit(); data != nil; data = p.pos.PollTransmit() {
				isMoving = true
				p.his.Feed(data, p.now)
			}
		}
	}
}

func TestANewerAgreementIsTakenOverWhileTheLinkRunsAndNewOrdersAreUnderIt(t *testing.T) {
	both, site, terminals := newPaired(t)
	both.connect()
	if !both.his.IsReady() {
		t.Fatal("no session")
	}
	before, err := both.his.Collect("bill-1", 100, 0, both.now)
	if err != nil {
		t.Fatal(err)
	}
	next := newer(t, site.Agreements[0])
	agreements := append([]*Agreement{next}, site.Agreements...)
	both.his.Provision(&Site{agreements, site.Devices, site.Secret}, both.now)
	both.pos.Provision(agreements, terminals, next.Merchants(), both.now)
	both.run(1_000)
	if number := coreOf(both.his.Ledger.Order(before)).AgreementNo; number != site.Agreements[0].AgreementNo {
		t.Errorf("the earlier order is under %d", number)
	}
	both.his.Closed(both.now)
	both.pos.Closed(both.now)
	both.connect()
	if !both.his.IsReady() {
		t.Fatal("no session behind the newer agreement")
	}
	after, err := both.his.Collect("bill-2", 100, 0, both.now)
	if err != nil {
		t.Fatal(err)
	}
	if number := coreOf(both.his.Ledger.Order(after)).AgreementNo; number != next.AgreementNo {
		t.Errorf("the new order is under %d", number)
	}
}

func TestATerminalThatANewerManifestDoesNotNameLosesItsSession(t *testing.T) {
	both, site, terminals := newPaired(t)
	both.connect()
	none := *terminals
	none.Entries = nil
	both.pos.Provision(site.Agreements, &none, site.Agreements[0].Merchants(), both.now)
	both.run(1_000)
	if both.his.IsReady() || both.pos.live != nil {
		t.Error("the session goes on")
	}
}

func TestADayThatIsClosedTakesNoOrdersAndWhatChangesItIsANewRevision(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	number, err := both.his.Collect("bill-1", 100, 0, both.now)
	if err != nil {
		t.Fatal(err)
	}
	ledger := both.his.Ledger
	day := ledger.today()
	row, err := ledger.CloseDay(day, "1001")
	if err != nil || row.Revision != 1 || len(row.Closed.Open) != 1 {
		t.Fatal(row, err)
	}
	if _, err := ledger.CloseDay(day, "1001"); err == nil {
		t.Error("it is closed again")
	}
	if _, err := both.his.Collect("bill-2", 100, 0, both.now); err == nil {
		t.Error("an order is made in a closed day")
	}
	if err := both.his.Cancel(number, both.now); err != nil {
		t.Fatal(err)
	}
	both.run(60_000)
	if row := ledger.Day(day); !ledger.HasEnded(number) || row.Revision != 2 || len(row.Latest.GetOpen()) != 0 {
		t.Error(row)
	}
}

func TestTheDeviceTellsWhatItCountsForADay(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	if err := both.his.Totals(both.his.Ledger.today(), both.now); err != nil {
		t.Fatal(err)
	}
	both.run(1_000)
	for event := both.his.PollEvent(); event != nil; event = both.his.PollEvent() {
		if told, isTold := event.(TotalsTold); isTold {
			if string(told.Totals.Digest) != string(both.his.Ledger.Totals(told.BusinessDay, "").Digest) {
				t.Error("the digests differ")
			}
			return
		}
	}
	t.Error("nothing is told")
}

func TestARequestThatComesWithTheNextSessionIsNotAnsweredInIt(t *testing.T) {
	both, _, _ := newPaired(t)
	both.connect()
	unknown := encode(&pb.Message{Call: 9, Body: &pb.Message_Ping{Ping: &pb.Ping{}}})
	both.pos.session.send(unknown, both.now)
	late := drained(both.pos)
	both.his.session.start(both.now)
	both.pos.Feed(drained(both.his), both.now)
	both.his.Feed(drained(both.pos), both.now)
	both.pos.Feed(drained(both.his), both.now)
	both.his.Feed(append(late, drained(both.pos)...), both.now)
	if !both.his.session.isLive() || len(late) == 0 {
		t.Fatal("no switch")
	}
	count := 0
	for both.his.PollTransmit() != nil {
		count++
	}
	if count != 1 {
		t.Errorf("%d frames go out behind the switch, and Sync is one", count)
	}
}

// BenchmarkATurnOfALedgerWithManyOrders: what a turn costs does not grow with what has ended.
func BenchmarkATurnOfALedgerWithManyOrders(b *testing.B) {
	both, site, _ := newPaired(b)
	both.connect()
	ledger := both.his.Ledger
	for nth := range 20_000 {
		number := ledger.billNumber(fmt.Sprint(nth), 0)
		core := encode(&pb.OrderCore{
			OrderNo: number, DeviceId: both.his.deviceID, Kind: pb.Kind_KIND_COLLECT, Amount: 100, BusinessDay: 20261124,
			AgreementNo: site.Agreements[0].AgreementNo,
		})
		batch := ledger.batch()
		batch.put(pb.Table_TABLE_ORDER, number, &pb.HisOrder{
			Core: core, State: pb.HisState_HIS_STATE_NOT_PAID, Bill: fmt.Sprint(nth), EndedAt: 1,
		})
		if err := batch.commit(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		both.his.OnTimer(both.now)
		both.his.NextTimer()
	}
}

// drained is all that an end has to send.
func drained(link interface{ PollTransmit() []byte }) []byte {
	var all []byte
	for data := link.PollTransmit(); data != nil; data = link.PollTransmit() {
		all = append(all, data...)
	}
	return all
}

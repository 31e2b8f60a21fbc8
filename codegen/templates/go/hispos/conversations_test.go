package hispos

// only: his
import (
	"errors"
	"fmt"
	"slices"
	"testing"

	pb "hispos-client/internal/messages"
)

// only: end

// Replays the conversations whole. Every frame has to be that of the file, and every anchor: the rows of the book are
// the same bytes in the same order.

const conversationBegin = 1_000_000

func replayConversations(file values, tally *tally) {
	tally.cases(file, func(item values) error {
		switch item.text("side") {
		// only: pos
		case "pos":
			play := &posConversation{site: file.object("site"), item: item, storage: &slowMemory{}}
			return play.run()
		// only: end
		// only: his
		case "his":
			play := &hisConversation{site: file.object("site"), item: item, memory: &slowMemory{}}
			return play.run()
			// only: end
		}
		return errOtherEnd
	})
}

// firstAnchor is that of the first answer of a book.
func firstAnchor(item values) []byte {
	for _, happening := range item.objects("happenings") {
		if loaded := happening.object("in").object("loaded"); loaded != nil {
			return loaded.bytes("anchor")
		}
	}
	panic("no anchor")
}

// only: his

// hisConversation is a window that lives one of them.
type hisConversation struct {
	site, item values
	memory     *slowMemory
	link       *HisLink
	now        int64
	at, starts int
}

func (c *hisConversation) unix() uint64 {
	return uint64(c.site.number("unix") + (c.now-conversationBegin)/1000)
}

func (c *hisConversation) draws() *draws {
	all, _ := c.item["draws"].([]any)
	drawn := values{"draws": all[c.starts]}.texts("draws")
	c.starts++
	return drawsOf(drawn...)
}

func (c *hisConversation) start() error {
	agreement, err := newAgreement(c.site.bytes("agreement"))
	if err != nil {
		return err
	}
	holder := c.site
	if c.item.has("device_manifest") {
		holder = c.item
	}
	devices, err := parseManifest(pb.FileKind_FILE_KIND_DEVICE_MANIFEST, holder.bytes("device_manifest"))
	if err != nil {
		return err
	}
	book, err := OpenBook(c.memory)
	if err != nil {
		return err
	}
	bookID := firstAnchor(c.item)[:bookIDBytes]
	if book.IsNew() {
		if err := book.begin(bookID, c.unix()); err != nil {
			return err
		}
		for _, row := range c.firstRows() {
			if err := book.commit(nil, []write{row}, c.unix()); err != nil {
				return err
			}
		}
	}
	site := &Site{[]*Agreement{agreement}, devices, c.site.bytes("site_secret")}
	ledger, err := OpenLedger(book, site, Standard{}, c.unix, bookID)
	if err != nil {
		return err
	}
	if err := ledger.BeginRun(c.now); err != nil {
		return err
	}
	end := NewEnd(Standard{}, c.site.text("terminal_id"), c.site.bytes("terminal_seed"), devices.Registry())
	c.link = NewHisLink(end, c.site.text("device_id"), c.draws().next, ledger)
	return nil
}

// firstRows are those with which the ledger begins.
func (c *hisConversation) firstRows() []write {
	if !c.item.has("ledger") {
		row := encode(&pb.SiteRow{SearchUntil: c.unix() - 518_400})
		return []write{{rowKey{pb.Table_TABLE_SITE, c.site.text("site_id")}, row}}
	}
	var rows []write
	for _, row := range c.item.objects("ledger") {
		place := rowKey{pb.Table(row.number("table")), row.text("key")}
		rows = append(rows, write{place, row.bytes("row")})
	}
	return rows
}

// run gives the link what comes in, and compares everything that goes out.
func (c *hisConversation) run() error {
	happenings := c.item.objects("happenings")
	late := lateAppends(happenings)
	for at, happening := range happenings {
		c.now, c.at = happening.number("at"), at
		if out := happening.object("out"); out != nil {
			if !out.has("transmit") {
				continue
			}
			if err := sameHex(fmt.Sprintf("at %d", c.now), out.text("transmit"), c.link.PollTransmit()); err != nil {
				return err
			}
			continue
		}
		in := happening.object("in")
		if c.link != nil && !in.has("persisted") && !in.has("loaded") {
			if more := c.link.PollTransmit(); more != nil {
				return fmt.Errorf("before %d this client sends more: %x", c.now, more)
			}
		}
		c.memory.arm(late, at)
		for name := range in {
			if err := c.take(name, in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *hisConversation) take(name string, in values) error {
	value := in.object(name)
	switch name {
	case "start":
		return c.start()
	case "opened":
		c.link.Opened(c.now)
	case "bytes":
		c.link.Feed(in.bytes(name), c.now)
	case "tick":
		c.link.OnTimer(c.now)
	case "collect":
		_, err := c.link.Collect(value.text("bill"), value.number("fen"), 0, c.now)
		return unlessRefused(err)
	case "refund":
		_, err := c.link.Refund(Refund{
			OrderNo: value.text("order_no"), Fen: value.number("fen"), Item: value.text("item"),
			Operator: value.text("operator"), Approver: value.text("approver"), Reason: value.text("reason"),
		}, 0, c.now)
		return unlessRefused(err)
	case "cancel":
		return c.link.Cancel(value.text("order_no"), c.now)
	case "close":
		c.link.Close(c.now)
	case "loaded", "persisted":
		wasLate, err := c.memory.release(c.at), error(nil)
		if wasLate {
			err = c.memory.restamp(c.link.Ledger.book, c.unix())
		}
		if name == "persisted" {
			err = errors.Join(err, c.compareAnchor(value))
		}
		if wasLate {
			c.link.Persisted(c.now)
		}
		return err
	default:
		return fmt.Errorf("what is %s", name)
	}
	return nil
}

// compareAnchor: two transactions of the file may be one of this client; the last one is exact.
func (c *hisConversation) compareAnchor(stored values) error {
	book, happenings := c.link.Ledger.book, c.item.objects("happenings")
	isLast := !slices.ContainsFunc(happenings[c.at+1:], func(happening values) bool {
		return happening.object("in").has("persisted")
	})
	if !isLast && book.containment(stored.bytes("anchor")) == contained {
		return nil
	}
	return sameHex("anchor", stored.text("anchor"), book.Anchor())
}

// unlessRefused leaves out a refusal: nothing is stored then, and nothing is sent.
func unlessRefused(err error) error {
	if refusal := (Refusal{}); errors.As(err, &refusal) {
		return nil
	}
	return err
}

func TestEventsOfAConversationEndWithTheOrder(t *testing.T) {
	play, number := collected(t)
	if said := play.link.Ledger.Result(number); said.GetStatus() != pb.Status_STATUS_PAID {
		t.Fatal("the order is not paid")
	}
}

// only: end

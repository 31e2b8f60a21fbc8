package hispos

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	pb "hispos-client/internal/messages"
)

// Replays the conversations of the POS whole: every frame, every row, every question to a platform.

var callNames = map[PlatformCall]string{
	PlatformCallVerify: "verify", PlatformCallQuery: "query", PlatformCallPay: "pay", PlatformCallReverse: "reverse",
	PlatformCallRefund: "refund", PlatformCallQueryRefund: "query_refund",
}

type posConversation struct {
	site, item values
	storage    *slowMemory
	link       *PosLink
	now        int64
	at, starts int
	// Rows that were written and that the file has not shown yet.
	written []string
}

func (c *posConversation) unix() uint64 {
	return uint64(c.site.number("unix") + (c.now-conversationBegin)/1000)
}

func (c *posConversation) start(booted values) error {
	if !booted.has("boot") {
		booted = c.site
	}
	agreements, err := agreementsOf(c.site, c.item)
	if err != nil {
		return err
	}
	terminals, err := parseManifest(pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, c.site.bytes("terminal_manifest"))
	if err != nil {
		return err
	}
	book, err := OpenBook(c.storage)
	if err != nil {
		return err
	}
	if err := BeginJournal(book, firstAnchor(c.item)[:bookIDBytes], c.unix()); err != nil {
		return err
	}
	book.onCommit = func(rows []write) {
		for _, row := range rows {
			c.written = append(c.written, fmt.Sprintf("%d/%s %x", row.table, row.key, row.row))
		}
	}
	all, _ := c.item["draws"].([]any)
	drawn := values{"draws": all[c.starts]}.texts("draws")
	c.starts++
	var merchants []Merchant
	for _, agreement := range agreements {
		for _, merchant := range agreement.Merchants() {
			if !slices.Contains(merchants, merchant) {
				merchants = append(merchants, merchant)
			}
		}
	}
	c.link, err = NewPosLink(PosConfig{
		End:  NewEnd(Standard{}, c.site.text("device_id"), c.site.bytes("device_seed"), terminals.Registry()),
		Boot: booted.bytes("boot"), Software: c.site.text("software"), Agreements: agreements, Terminals: terminals,
		Merchants: merchants, Draw: drawsOf(drawn...).next, Unix: c.unix, Journal: book,
	}, c.now)
	if c.storage.isFailing && c.link != nil {
		return nil
	}
	return err
}

// agreementsOf are the site's one and those of a case, the newest first.
func agreementsOf(site, item values) ([]*Agreement, error) {
	var found []*Agreement
	for _, text := range append(item.texts("agreements"), site.text("agreement")) {
		agreement, err := newAgreement(hexes(text))
		if err != nil {
			return nil, err
		}
		found = append(found, agreement)
	}
	slices.SortFunc(found, func(one, other *Agreement) int { return cmp.Compare(other.AgreementNo, one.AgreementNo) })
	return found, nil
}

func (c *posConversation) run() error {
	happenings := c.item.objects("happenings")
	late := lateAppends(happenings)
	for at, happening := range happenings {
		c.now, c.at = happening.number("at"), at
		if out := happening.object("out"); out != nil {
			if err := c.compare(out); err != nil {
				return fmt.Errorf("at %d: %w", c.now, err)
			}
			continue
		}
		in := happening.object("in")
		c.storage.isFailing = willFail(happenings[at:])
		c.storage.arm(late, at)
		isAnswer := in.has("persisted") || in.has("loaded") || in.has("persist_failed")
		if !isAnswer {
			if more := c.more(); more != "" {
				return fmt.Errorf("before %d this client gives more: %s", c.now, more)
			}
		}
		for name := range in {
			if err := c.take(name, in); err != nil {
				return fmt.Errorf("at %d, %s: %w", c.now, name, err)
			}
		}
	}
	return nil
}

// more is what the link gave and the file does not have.
func (c *posConversation) more() string {
	if c.link == nil {
		return ""
	}
	if sent := c.link.PollTransmit(); sent != nil {
		return "transmit " + hex.EncodeToString(sent)
	}
	if ask, isThere := c.link.PollAsk(); isThere {
		return "ask " + callNames[ask.Call]
	}
	return strings.Join(c.written, ", ")
}

func (c *posConversation) compare(out values) error {
	switch {
	case out.has("transmit"):
		return sameHex("transmit", out.text("transmit"), c.link.PollTransmit())
	case out.has("persist"):
		for _, row := range out.object("persist").objects("write") {
			wanted := fmt.Sprintf("%d/%s %s", row.number("table"), row.text("key"), row.text("row"))
			if c.storage.isFailing || len(c.written) == 0 {
				return same("persist", c.link.Err() != nil, true)
			}
			if err := same("row", wanted, c.written[0]); err != nil {
				return err
			}
			c.written = c.written[1:]
		}
	case out.has("ask"):
		wanted := out.object("ask")
		ask, isThere := c.link.PollAsk()
		if !isThere {
			return errors.New("nothing is asked")
		}
		if wanted.has("merchant") && wanted.text("merchant") != ask.Merchant.Account {
			return fmt.Errorf("asked is the merchant %s", ask.Merchant.Account)
		}
		return errors.Join(
			same("id", wanted.number("id"), int64(ask.ID)), same("request", wanted.text("request"), callNames[ask.Call]),
			same("channel", wanted.number("channel"), int64(ask.Merchant.Channel)),
			same("number", wanted.text("number"), ask.Number), same("total", wanted.number("total"), ask.Total),
			same("refund", wanted.text("refund"), ask.RefundNumber), same("fen", wanted.number("fen"), ask.Fen),
			same("not_after", wanted.number("not_after"), ask.NotAfter),
			same("expires_at", wanted.number("expires_at"), int64(ask.ExpiresAt)))
	}
	return nil
}

func (c *posConversation) take(name string, in values) error {
	value := in.object(name)
	switch name {
	case "start":
		return c.start(value)
	case "opened":
		c.link.Opened(c.now)
	case "closed":
		c.link.Closed(c.now)
	case "bytes":
		c.link.Feed(in.bytes(name), c.now)
	case "tick":
		c.link.OnTimer(c.now)
	case "close":
		c.link.Close(c.now)
	case "scan":
		// A code that nobody waits for is refused, and then nothing follows.
		_ = c.link.ScanCode(pb.Channel(value.number("channel")), Secret(value.text("code")), c.now)
	case "verdict":
		c.link.Answer(answerOf(value), c.now)
	case "loaded", "persisted", "persist_failed":
		wasLate, err := c.storage.release(c.at), error(nil)
		if wasLate {
			err = c.storage.restamp(c.link.book, c.unix())
		}
		if name == "persisted" {
			err = errors.Join(err, sameHex("anchor", value.text("anchor"), c.link.book.Anchor()))
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

func answerOf(value values) Answer {
	proof := value.object("proof")
	answer := Answer{
		ID: uint64(value.number("id")), Proof: Proof(strings.ReplaceAll(proof.text("name"), " ", "_")),
		Capture: Capture{proof.text("payment_no"), proof.number("fen"), uint64(proof.number("captured_at"))},
		Refunded: proof.number("refunded"), RefundID: proof.text("refund_id"), RefundedAt: uint64(proof.number("at")),
		IsClosed: proof.flag("closed"), ProviderCode: value.text("provider_code"), Date: uint64(value.number("date")),
		Ended: value.number("ended"), Answered: value.flag("answered"),
	}
	if value.has("first_byte") {
		first := value.number("first_byte")
		answer.FirstByte = &first
	}
	return answer
}

// replayVerdicts replays what the replies of platforms prove.
func replayVerdicts(file values, tally *tally) {
	profiles := map[string]Profile{"wechat_v2": ProfileWechatV2, "wechat_v3": ProfileWechatV3, "alipay": ProfileAlipay}
	calls := map[string]PlatformCall{}
	for call, name := range callNames {
		calls[strings.ReplaceAll(name, " ", "_")] = call
	}
	tally.cases(file, func(item values) error {
		call := calls[item.text("call")]
		ask := &Ask{
			Merchant: Merchant{Account: "1900000109", SubAccount: "1900000110"}, Call: call,
			Number: "SIM1BR816CGQ7VC793192XF6W", Total: 8800,
		}
		switch call {
		case PlatformCallVerify:
			ask.Number, ask.Total = "", 0
		case PlatformCallRefund, PlatformCallQueryRefund:
			ask.RefundNumber, ask.Fen = "SIM1BAAAAAAAAAAAAAAAAAAAR", 800
		}
		var answer Answer
		reply := replyOf(item.object("reply"))
		if err := Judge(profiles[item.text("profile")], ask, &reply, &answer); err != nil {
			answer = Answer{Proof: ProofOpen}
		}
		capture := item.object("capture")
		return errors.Join(same("proof", item.text("proof"), string(answer.Proof)),
			same("provider code", item.text("provider_code"), answer.ProviderCode),
			same("payment", capture.text("payment_no"), answer.Capture.PaymentNo),
			same("fen", capture.number("fen"), answer.Capture.Fen), same("closed", item.flag("closed"), answer.IsClosed))
	})
}

func replyOf(value values) Reply {
	text := func(name string) *string {
		if !value.has(name) {
			return nil
		}
		found := value.text(name)
		return &found
	}
	number := func(name string) *int64 {
		if !value.has(name) {
			return nil
		}
		found := value.number(name)
		return &found
	}
	unix := func(name string) *uint64 {
		if !value.has(name) {
			return nil
		}
		found := uint64(value.number(name))
		return &found
	}
	return Reply{
		Code: value.text("code"), SubCode: value.text("sub_code"), Account: text("account"),
		SubAccount: text("sub_account"), Number: text("number"), TradeState: text("trade_state"), Total: number("total"),
		Currency: text("currency"), PaymentNo: text("payment_no"), CapturedAt: unix("captured_at"),
		Refunded: number("refunded"), RefundNumber: text("refund_number"), RefundAmount: number("refund_amount"),
		RefundID: text("refund_id"), RefundStatus: text("refund_status"), FundChange: text("fund_change"),
		RefundedAt: unix("refunded_at"),
	}
}

package main

import (
	"hispos-client/hispos"
	pb "hispos-client/internal/messages"
)

// posSide is a POS.
type posSide struct{ link *hispos.PosLink }

// newPosSide goes on from the durable records.
func newPosSide(p *program) (side, error) {
	start, desk := &p.line.start, p.line.Desks[0]
	journal, err := p.openBook()
	if err != nil {
		return nil, err
	}
	if err := hispos.BeginJournal(journal, start.Book.ID, p.unix()); err != nil {
		return nil, err
	}
	if len(start.Restored) > 0 {
		if err := hispos.DeclareJournalRestore(journal, start.Restored, p.unix()); err != nil {
			return nil, err
		}
	}
	agreements, err := agreementsOf(start)
	if err != nil {
		return nil, err
	}
	terminals, err := hispos.ManifestOf(pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, start.Terminals)
	if err != nil {
		return nil, err
	}
	var merchants []hispos.Merchant
	for _, item := range start.Merchants {
		merchants = append(merchants, hispos.Merchant{
			Channel: pb.Channel(item.Channel), Account: item.Account, SubAccount: item.SubAccount,
			Simulated: item.Simulated,
		})
	}
	// From here on it is the link that stores.
	p.storing = new(int)
	link, err := hispos.NewPosLink(hispos.PosConfig{
		End:  hispos.NewEnd(hispos.Standard{}, desk.DeviceID, desk.Seed, terminals.Registry()),
		Boot: start.Boot, Software: start.Software, Agreements: agreements, Terminals: terminals,
		Merchants: merchants, Draw: stream(desk.Random), Unix: p.unix, Journal: journal,
	}, p.line.Now)
	if err != nil {
		return nil, err
	}
	return &posSide{link}, nil
}

func (s *posSide) isHalted() bool { return s.link.Err() != nil }

func (s *posSide) ticks() []*int64 { return []*int64{tickOf(s.link)} }

func (s *posSide) take(line *line) error {
	switch {
	case takeLine(s.link, line):
	case line.Do == "verdict":
		s.link.Answer(answerOf(line), line.Now)
	case line.Do == "scan":
		return s.link.ScanCode(pb.Channel(line.Channel), hispos.Secret(line.Code), line.Now)
	}
	return nil
}

func answerOf(line *line) hispos.Answer {
	proof := &line.Proof
	return hispos.Answer{
		ID: line.ID, Proof: proof.Name,
		Capture:  hispos.Capture{PaymentNo: proof.PaymentNo, Fen: proof.Fen, CapturedAt: proof.CapturedAt},
		Refunded: proof.Refunded, RefundID: proof.RefundID, RefundedAt: proof.At, IsClosed: proof.Closed,
		ProviderCode: line.ProviderCode, Date: line.Date, FirstByte: line.FirstByte, Ended: line.Ended,
		Answered: line.Answered,
	}
}

func (s *posSide) collect() []output {
	found := transmits(s.link, 0)
	for ask, isAsked := s.link.PollAsk(); isAsked; ask, isAsked = s.link.PollAsk() {
		found = append(found, asked(&ask))
	}
	for told := s.link.PollEvent(); told != nil; told = s.link.PollEvent() {
		said := eventOf(told, 0)
		switch told := told.(type) {
		case hispos.Accepted:
			said = event("accepted", 0)
			said["order_no"], said["amount"] = told.OrderNo, told.Amount
		case hispos.Ended:
			said = event("ended", 0)
			said["order_no"] = told.OrderNo
		case hispos.Answered:
			said = event("answered", 0)
			said["order_no"] = told.OrderNo
		case hispos.MerchantChanged:
			said = event("merchant", 0)
			said["account"], said["verified"] = told.Merchant.Account, told.IsVerified
		}
		if said != nil {
			found = append(found, said)
		}
	}
	return found
}

var requests = map[hispos.PlatformCall]string{
	hispos.PlatformCallVerify: "verify", hispos.PlatformCallQuery: "query", hispos.PlatformCallPay: "pay",
	hispos.PlatformCallReverse: "reverse", hispos.PlatformCallRefund: "refund",
	hispos.PlatformCallQueryRefund: "query_refund",
}

func asked(ask *hispos.Ask) output {
	said := output{
		"is": "ask", "desk": 0, "id": ask.ID, "channel": int32(ask.Merchant.Channel), "request": requests[ask.Call],
		"total": ask.Total, "account": ask.Merchant.Account, "sub_account": ask.Merchant.SubAccount,
		"http_ms": ask.HTTP, "connect_ms": ask.Connect,
	}
	if ask.Number != "" {
		said["number"] = ask.Number
	}
	if ask.NotAfter != 0 {
		said["not_after"] = ask.NotAfter
	}
	if ask.Call == hispos.PlatformCallPay {
		said["code"], said["expires_at"] = string(ask.Code), ask.ExpiresAt
	}
	if ask.Call == hispos.PlatformCallRefund || ask.Call == hispos.PlatformCallQueryRefund {
		said["refund_number"], said["fen"] = ask.RefundNumber, ask.Fen
	}
	return said
}

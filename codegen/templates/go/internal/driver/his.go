package main

import (
	"hispos-client/hispos"
	pb "hispos-client/internal/messages"
)

// hisSide is a HIS: one ledger, and a link for each desk.
type hisSide struct {
	program *program
	ledger  *hispos.Ledger
	links   []*hispos.HisLink
}

// newHisSide goes on from the durable records.
func newHisSide(p *program) (side, error) {
	start := &p.line.start
	devices, err := hispos.ManifestOf(pb.FileKind_FILE_KIND_DEVICE_MANIFEST, start.Devices)
	if err != nil {
		return nil, err
	}
	agreements, err := agreementsOf(start)
	if err != nil {
		return nil, err
	}
	site := &hispos.Site{Agreements: agreements, Devices: devices, Secret: start.SiteSecret}
	book, err := p.openBook()
	if err != nil {
		return nil, err
	}
	if len(start.Restored) > 0 {
		if err := hispos.DeclareLedgerRestore(book, site, start.Restored, p.unix(), p.line.Now); err != nil {
			return nil, err
		}
	}
	ledger, err := hispos.OpenLedger(book, site, hispos.Standard{}, p.unix, start.Book.ID)
	if err != nil {
		return nil, err
	}
	if err := ledger.BeginRun(p.line.Now); err != nil {
		return nil, err
	}
	made := &hisSide{program: p, ledger: ledger}
	for _, desk := range start.Desks {
		end := hispos.NewEnd(hispos.Standard{}, desk.TerminalID, desk.Seed, devices.Registry())
		made.links = append(made.links, hispos.NewHisLink(end, desk.DeviceID, stream(desk.Random), ledger))
	}
	return made, nil
}

func (s *hisSide) isHalted() bool { return s.ledger.Err() != nil }

func (s *hisSide) ticks() []*int64 {
	var found []*int64
	for _, link := range s.links {
		found = append(found, tickOf(link))
	}
	return found
}

func (s *hisSide) take(line *line) error {
	desk := 0
	if line.Desk != nil {
		desk = *line.Desk
	}
	link := s.links[desk]
	if takeLine(link, line) {
		return nil
	}
	switch line.Do {
	case "collect":
		number, err := link.Collect(line.Bill, line.Fen, line.BusinessDay, line.Now)
		return s.made(desk, number, err)
	case "refund":
		number, err := link.Refund(hispos.Refund{
			OrderNo: line.OrderNo, Fen: -line.Fen, Item: line.Item, Operator: line.Operator, Approver: line.Approver,
			Reason: line.Reason,
		}, line.BusinessDay, line.Now)
		return s.made(desk, number, err)
	case "cancel":
		return link.Cancel(line.OrderNo, line.Now)
	case "query":
		link.Ask(line.OrderNo, line.Now)
		return nil
	case "look_up":
		return link.LookUp(line.OrderNo, line.Now)
	case "pull":
		return link.Pull(line.Now)
	case "totals":
		return link.Totals(line.BusinessDay, line.Now)
	}
	return s.decide(line)
}

func (s *hisSide) made(desk int, number string, err error) error {
	if err != nil {
		return err
	}
	said := event("made", desk)
	said["ticket"], said["order_no"] = s.program.line.Ticket, number
	s.program.out = append(s.program.out, said)
	return nil
}

var decisions = map[string]hispos.DecisionKind{
	"evidence": hispos.DecisionEvidence, "not_paid": hispos.DecisionNotPaid, "keep": hispos.DecisionKeep,
	"returned": hispos.DecisionReturned,
}

func (s *hisSide) decide(line *line) error {
	var err error
	switch line.Do {
	case "posted":
		err = s.ledger.MarkPosted(line.OrderNo)
	case "adopt":
		err = s.ledger.Adopt(line.OrderNo, line.Bill)
	case "decide":
		err = s.ledger.Decide(line.OrderNo, decisions[line.Kind], line.First, line.Second)
	case "go_on_without":
		err = s.ledger.GoOnWithout(line.DeviceID, line.First, line.Second)
	}
	if err != nil {
		return err
	}
	if (line.Do == "adopt" || line.Do == "decide") && s.ledger.HasEnded(line.OrderNo) {
		said := event("ended", 0)
		said["order_no"] = line.OrderNo
		s.program.out = append(s.program.out, said)
	}
	for desk, link := range s.links {
		s.program.storing = &desk
		link.OnTimer(line.Now)
	}
	return nil
}

func (s *hisSide) collect() []output {
	var found []output
	for desk, link := range s.links {
		found = append(found, transmits(link, desk)...)
		for told := link.PollEvent(); told != nil; told = link.PollEvent() {
			said := eventOf(told, desk)
			switch told := told.(type) {
			case hispos.OrderEnded:
				said = event("ended", desk)
				said["order_no"] = told.OrderNo
			case hispos.Rejected:
				said = event("rejected", desk)
				said["order_no"], said["code"] = told.OrderNo, told.Code
			case hispos.TotalsTold:
				said = event("totals", desk)
				said["business_day"] = told.BusinessDay
			case hispos.Ready:
				said = event("ready", desk)
			case hispos.Pulled:
				said = event("pulled", desk)
			case hispos.Notice:
				said = event("notice", desk)
				said["text"] = told.Text
			}
			if said != nil {
				found = append(found, said)
			}
		}
	}
	return found
}

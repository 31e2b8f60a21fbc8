package hispos

import (
	"encoding/binary"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Replays the messages in a session, at either end: what each says, and what the receiver sends.

const messagesAt = conversationBegin + 10_000

// played is a session that stands already, and the peer's end of its records.
type played struct {
	session *base
	peer    *live
	decoder decoder
}

// play has a session of a peer stand at an end.
func play(session *base, own side, peer string, agreementHash []byte, zero int64) *played {
	made := func() *keys { return &keys{make([]byte, 32), make([]byte, 32), 1, peer, agreementHash} }
	session.stream = newStream(own)
	session.live = newLive(Standard{}, made(), own)
	session.live.since, session.live.openedAt, session.live.zero = messagesAt, messagesAt, zero
	session.live.opener.last = 0
	session.tell(started{peer, agreementHash, zero})
	return &played{session, newLive(Standard{}, made(), 1-own), decoder{side: 1 - own}}
}

// receive is a record of the peer that opened.
func (p *played) receive(message *pb.Message) { p.session.takePlaintext(encode(message), messagesAt) }

// sent opens what the end has sent since.
func (p *played) sent() ([]any, error) {
	said := []any{}
	for data := p.session.pollTransmit(); data != nil; data = p.session.pollTransmit() {
		for _, item := range p.decoder.feed(data) {
			plaintext, err := p.peer.open(item.body, messagesAt)
			if err != nil {
				return nil, err
			}
			message := &pb.Message{}
			if err := proto.Unmarshal(plaintext, message); err != nil {
				return nil, err
			}
			said = append(said, decoded(message.ProtoReflect()))
		}
	}
	return said, nil
}

func replayMessages(t testing.TB) func(values, *tally) {
	return func(file values, tally *tally) {
		site := loadVectors(t, "conversations.json").object("site")
		for name, value := range file.object("site") {
			site[name] = value
		}
		tally.cases(file, func(item values) error { return replayMessage(file, site, item) })
	}
}

func replayMessage(file, site, item values) error {
	plaintext := item.bytes("plaintext")
	wanted, _ := item["sent"].([]any)
	message, alert, err := parseMessage(plaintext)
	if err != nil {
		refused := []any{map[string]any{"alert": map[string]any{"code": file.alert()}}}
		return errors.Join(same("decoded", nil, item["decoded"]), same("sent", wanted, refused),
			same("stands", item.flag("stands"), false))
	}
	if err := sameDecoded("decoded", item["decoded"], message); err != nil {
		return err
	}
	if alert != nil {
		return errors.Join(same("sent", wanted, []any{}), same("stands", item.flag("stands"), false))
	}
	state := values(file.object("states").object(item.text("state")))
	var scene *played
	var tick func()
	switch item.text("receiver") {
	// only: pos
	case "pos":
		link, made, err := messagePos(site, state, item.text("state") != "committed")
		if err != nil {
			return err
		}
		scene, tick = made, func() { link.OnTimer(messagesAt) }
	// only: end
	// only: his
	case "his":
		link, made, err := messageHis(file, site, state, item.text("state") == "sent")
		if err != nil {
			return err
		}
		scene, tick = made, func() { link.OnTimer(messagesAt) }
	// only: end
	default:
		return errOtherEnd
	}
	if _, err := scene.sent(); err != nil {
		return err
	}
	scene.session.takePlaintext(plaintext, messagesAt)
	tick()
	got, err := scene.sent()
	if err != nil {
		return err
	}
	return errors.Join(same("sent", underivedLeftOut(wanted), underivedLeftOut(got)),
		same("stands", item.flag("stands"), scene.session.isLive()))
}

// alert is the number of decode_error, as the file writes numbers.
func (v values) alert() any {
	return decoded((&pb.Alert{Code: pb.AlertCode_ALERT_CODE_DECODE_ERROR}).ProtoReflect())["code"]
}

// underivedLeftOut leaves out what the file cannot tell: the own book's anchor, and the clock in a new result.
func underivedLeftOut(sent []any) []any {
	out := []any{}
	for _, item := range sent {
		message, _ := item.(map[string]any)
		copied := map[string]any{}
		for name, value := range message {
			inner, _ := value.(map[string]any)
			switch name {
			case "confirm_result":
				delete(inner, "ledger")
			case "signed_result", "report_result":
				said := &pb.ResultCore{}
				if err := proto.Unmarshal(hexes(values(inner).text("result")), said); err != nil {
					panic(err)
				}
				said.DecidedAt = 0
				value = decoded(said.ProtoReflect())
			}
			copied[name] = value
		}
		out = append(out, copied)
	}
	return out
}

// bookAt is a book with so many records, rows at their places and the head that an anchor names.
func bookAt(anchor []byte, rows map[uint64]write) (*Book, error) {
	book, err := OpenBook(&Memory{})
	if err != nil {
		return nil, err
	}
	if err := book.begin(anchor[:bookIDBytes], 1); err != nil {
		return nil, err
	}
	last := binary.BigEndian.Uint64(anchor[bookIDBytes:])
	for seq := uint64(2); seq <= last; seq++ {
		row, isNamed := rows[seq]
		if !isNamed {
			row = write{rowKey{pb.Table_TABLE_PROGRAM, "x"}, []byte("x")}
		}
		if err := book.commit(nil, []write{row}, 1); err != nil {
			return nil, err
		}
	}
	copy(book.heads[last-1], anchor[16:])
	return book, nil
}

// only: pos

func messagePos(site, state values, isSynced bool) (*PosLink, *played, error) {
	agreement, err := newAgreement(site.bytes("agreement"))
	if err != nil {
		return nil, nil, err
	}
	terminals, err := parseManifest(pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, site.bytes("terminal_manifest"))
	if err != nil {
		return nil, nil, err
	}
	zero := messagesAt - state.number("session_ms")
	rows := map[uint64]write{}
	if order := values(state.object("order")); order != nil {
		startBy := uint64(zero + order.number("start_by_ms"))
		row := &pb.PosOrder{
			Core: order.bytes("core"), Run: state.bytes("run"), Boot: site.bytes("boot"), StartBy: startBy,
			ActBy: startBy + uint64(agreement.Timers.Act), State: pb.PosState_POS_STATE_WAIT_CODE,
		}
		if order.text("result") != "" {
			row.State, row.Answered, row.Recorded = pb.PosState_POS_STATE_ENDED, pb.Disposition_DISPOSITION_RECORDED, true
			row.Result, row.Signature = order.bytes("result"), order.bytes("signature")
		}
		core, err := readCore(row.Core)
		if err != nil {
			return nil, nil, err
		}
		rows[uint64(state.number("order_seq"))] = write{rowKey{pb.Table_TABLE_ORDER, core.OrderNo}, encode(row)}
	}
	if seen := state.bytes("ledger_seen"); len(seen) > 0 {
		rows[2] = write{rowKey{pb.Table_TABLE_PEER, site.text("site_id")}, encode(&pb.PeerRow{Anchor: seen})}
	}
	journal, err := bookAt(state.bytes("journal"), rows)
	if err != nil {
		return nil, nil, err
	}
	link, err := NewPosLink(PosConfig{
		End:  NewEnd(Standard{}, site.text("device_id"), site.bytes("device_seed"), terminals.Registry()),
		Boot: site.bytes("boot"), Software: site.text("software"), Agreements: []*Agreement{agreement},
		Terminals: terminals, Merchants: agreement.Merchants(), Draw: drawsOf(state.text("run")).next,
		Unix: func() uint64 { return uint64(site.number("unix")) }, Journal: journal,
	}, messagesAt)
	if err != nil {
		return nil, nil, err
	}
	link.SetRoom(state.flag("room"))
	for _, life := range link.flow.lives {
		// The present run accepted it.
		life.isRestarted = false
		if !life.isRefund() {
			life.askEverywhere(0)
		}
	}
	scene := play(&link.session.base, pos, site.text("terminal_id"), agreement.Hash, zero)
	if isSynced {
		scene.receive(&pb.Message{Call: 1, Body: &pb.Message_Sync{Sync: &pb.Sync{}}})
	}
	link.OnTimer(messagesAt)
	answerAll(link, state.flag("verified"))
	return link, scene, nil
}

// answerAll: the platform verifies, if it is to, and knows no number.
func answerAll(link *PosLink, isVerified bool) {
	for ask, isAsked := link.PollAsk(); isAsked; ask, isAsked = link.PollAsk() {
		at := int64(messagesAt)
		answer := Answer{
			ID: ask.ID, Proof: ProofAbsent, ProviderCode: "ORDERNOTEXIST", FirstByte: &at, Ended: at, Answered: true,
		}
		if ask.Call == PlatformCallVerify {
			answer.Proof, answer.ProviderCode = ProofVerified, "SUCCESS"
		}
		if isVerified || ask.Call != PlatformCallVerify {
			link.Answer(answer, messagesAt)
		}
	}
}

// only: end
// only: his

func messageHis(file, site, state values, isSent bool) (*HisLink, *played, error) {
	agreement, err := newAgreement(site.bytes("agreement"))
	if err != nil {
		return nil, nil, err
	}
	devices, err := parseManifest(pb.FileKind_FILE_KIND_DEVICE_MANIFEST, site.bytes("device_manifest"))
	if err != nil {
		return nil, nil, err
	}
	book, err := OpenBook(&Memory{})
	if err != nil {
		return nil, nil, err
	}
	bookID := append(state.bytes("ledger_seen"), hexes("e723e17f3ee6c156")...)[:bookIDBytes]
	row := write{rowKey{pb.Table_TABLE_SITE, site.text("site_id")}, encode(&pb.SiteRow{SearchUntil: 1})}
	if err := errors.Join(book.begin(bookID, 1), book.commit(nil, []write{row}, 1)); err != nil {
		return nil, nil, err
	}
	of := &Site{[]*Agreement{agreement}, devices, site.bytes("site_secret")}
	unix := func() uint64 { return uint64(site.number("unix")) }
	ledger, err := OpenLedger(book, of, Standard{}, unix, bookID)
	if err != nil {
		return nil, nil, err
	}
	if err := ledger.BeginRun(messagesAt); err != nil {
		return nil, nil, err
	}
	end := NewEnd(Standard{}, site.text("terminal_id"), site.bytes("terminal_seed"), devices.Registry())
	link := NewHisLink(end, site.text("device_id"), drawsOf().next, ledger)
	scene := play(&link.session.base, his, site.text("device_id"), agreement.Hash, messagesAt-state.number("session_ms"))
	scene.receive(&pb.Message{Body: &pb.Message_Ready{Ready: &pb.SessionReady{Run: state.bytes("run"), Simulated: true}}})
	reply := &pb.SyncReply{Journal: state.bytes("journal")}
	scene.receive(&pb.Message{ReplyTo: 1, Body: &pb.Message_SyncReply{SyncReply: reply}})
	link.OnTimer(messagesAt)
	if !isSent {
		return link, scene, nil
	}
	number, err := link.Collect("bill-2026-0001", 8800, 0, messagesAt)
	if err != nil {
		return nil, nil, err
	}
	core := link.Ledger.Order(number).Core
	return link, scene, sameHex("the order", file.text("sent_order"), core)
}

// only: end

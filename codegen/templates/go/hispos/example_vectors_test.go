package hispos

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Replays the worked example whole, and the trace of two early readers.

// said: a message's bytes say what is decoded, and it is written as these bytes again.
func said(item values) error {
	name := item.text("message")
	message, err := newMessage(name)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(item.bytes("bytes"), message); err != nil {
		return err
	}
	return errors.Join(sameDecoded(name, item["decoded"], message),
		sameHex(name+" again", item.text("bytes"), encode(message)))
}

func replayExample(file values, tally *tally) {
	tally.run(file, func(values) error { return replayWholeExample(file) })
}

func replayWholeExample(file values) error {
	site := file.object("site")
	for _, name := range []string{"agreement", "device_manifest", "terminal_manifest"} {
		if err := said(site.object(name)); err != nil {
			return err
		}
	}
	hash := sha256Of(site.object("agreement").bytes("bytes"))
	if err := sameHex("agreement_hash", site.text("agreement_hash"), hash); err != nil {
		return err
	}
	end := func(own, seed, peer, key string) *End {
		registry := map[string][]byte{site.text(peer): site.bytes(key)}
		return NewEnd(Standard{}, site.text(own), site.bytes(seed), registry)
	}
	drawn := file.object("draws")
	initiator, err := newInitiator(end("terminal_id", "terminal_seed", "device_id", "device_key"),
		site.text("device_id"), hash, drawsOf(drawn.texts("his")...).next)
	if err != nil {
		return err
	}
	responder := &responder{
		end:   end("device_id", "device_seed", "terminal_id", "terminal_key"),
		terms: []Terms{{hash, []uint32{protocolVersion}, []uint32{suite1}}},
		draw:  drawsOf(drawn.texts("pos")[1:]...).next,
	}
	made, err := exchanged(file.object("handshake"), initiator, responder)
	if err != nil {
		return err
	}
	return errors.Join(exampleRecords(file, made), exampleOrder(file, site), exampleBook(file.objects("journal")),
		exampleBook(file.objects("ledger")))
}

// exchanged plays a key exchange, and compares each value of it.
func exchanged(item values, initiator *initiator, responder *responder) (*keys, error) {
	m2, err := responder.takeM1(initiator.m1)
	if err != nil {
		return nil, err
	}
	m3, made, err := initiator.takeM2(m2)
	if err != nil {
		return nil, err
	}
	if _, err := responder.takeM3(m3); err != nil {
		return nil, err
	}
	var failed []error
	frames := item.object("frames")
	for kind, body := range map[byte][]byte{frameM1: initiator.m1, frameM2: m2, frameM3: m3} {
		name := map[byte]string{frameM1: "m1", frameM2: "m2", frameM3: "m3"}[kind]
		encoded, err := encodeFrame(kind, body)
		failed = append(failed, err, sameHex(name, frames.text(name), encoded))
	}
	secrets := initiator.schedule.secrets()
	for name := range item.object("secrets") {
		failed = append(failed, sameHex(name, item.object("secrets").text(name), secrets[name]))
	}
	for number, hash := range initiator.schedule.transcript.hashes {
		name := fmt.Sprintf("th%d", number)
		if number == 0 {
			name = "t0"
		}
		failed = append(failed, sameHex(name, item.object("transcript").text(name), hash))
	}
	return made, errors.Join(failed...)
}

func exampleRecords(file values, made *keys) error {
	sealers := map[string]*sealer{
		"his": {Standard{}, frameRecordHis, made.tag, newEpochKeys(0, made.appHis), 0},
		"pos": {Standard{}, frameRecordPos, made.tag, newEpochKeys(0, made.appPos), 0},
	}
	var failed []error
	for _, item := range file.objects("records") {
		sealer := sealers[item.text("sender")]
		failed = append(failed, said(item.object("plaintext")),
			same("counter", item.number("counter"), int64(sealer.counter)))
		body, err := sealer.seal(item.object("plaintext").bytes("bytes"))
		if err != nil {
			return err
		}
		wire, err := encodeFrame(byte(item.number("type")), body)
		failed = append(failed, err, sameHex("record", item.text("record"), body), sameHex("wire", item.text("wire"), wire))
	}
	return errors.Join(failed...)
}

func exampleOrder(file, site values) error {
	order, result, code := file.object("order"), file.object("result"), file.object("code")
	core := order.object("core").bytes("bytes")
	number := orderNumber(site.bytes("site_secret"), pb.Kind_KIND_COLLECT, []byte(order.text("bill")),
		uint32(order.number("generation")))
	seed, told := site.bytes("device_seed"), result.object("result").bytes("bytes")
	digits := hmacOf(seed, []byte(LabelPaymentCode), []byte{0}, []byte(code.text("digits")))
	signature := Standard{}.Sign(seed, signedMessage(LabelResult, told))
	return errors.Join(said(order.object("core")), said(result.object("result")),
		same("number", order.object("core").object("decoded").text("order_no"), number),
		sameHex("order hash", order.text("hash"), orderHash(site.text("site_id"), core)),
		sameHex("code hash", code.text("hash"), digits),
		same("signed", true, isSignedResult(Standard{}, site.bytes("device_key"), told, result.bytes("signature"))),
		sameHex("signature", result.text("signature"), signature),
		sameHex("result hash", result.text("result_hash"), resultHash(told)))
}

func exampleBook(lines []values) error {
	memory := &Memory{}
	var failed []error
	for _, line := range lines {
		record := line.object("record")
		memory.Records = append(memory.Records, Stored{record.bytes("bytes"), line.bytes("head")})
		book, err := OpenBook(memory)
		if err != nil {
			return err
		}
		failed = append(failed, said(record), said(line.object("row")), sameHex("anchor", line.text("anchor"), book.Anchor()))
	}
	return errors.Join(failed...)
}

// replayTrace replays one exchange and its first records, as one case.
func replayTrace(file values, tally *tally) {
	tally.run(file, func(values) error { return replayWholeTrace(file.object("input"), file.object("output")) })
}

func replayWholeTrace(given, told values) error {
	own, peer, hash := given.object("his"), given.object("pos"), sha256Of(given.bytes("agreement_hex"))
	end := func(own, peer values) *End {
		key := Standard{}.Ed25519Public(peer.bytes("sk_hex"))
		made := NewEnd(Standard{}, own.text("id"), own.bytes("sk_hex"), map[string][]byte{peer.text("id"): key})
		made.Versions, made.Suites = given.numbers("versions"), given.numbers("suites")
		return made
	}
	drawsFor := func(side values) Draw { return drawsOf(side.text("nonce_hex"), side.text("x25519_hex")).next }
	initiator, err := newInitiator(end(own, peer), peer.text("id"), hash, drawsFor(own))
	if err != nil {
		return err
	}
	terms := []Terms{{hash, given.numbers("versions"), given.numbers("suites")}}
	responder := &responder{end: end(peer, own), terms: terms, draw: drawsFor(peer)}
	item := values{
		"frames":     map[string]any{"m1": told["m1_frame"], "m2": told["m2_frame"], "m3": told["m3_frame"]},
		"transcript": map[string]any{"t0": told["T0"]}, "secrets": map[string]any{},
	}
	for number, hash := range told.object("th") {
		item.object("transcript")["th"+number] = hash
	}
	for name := range (&keySchedule{}).secrets() {
		if told.has(name) {
			item.object("secrets")[name] = told[name]
		}
	}
	made, err := exchanged(item, initiator, responder)
	if err != nil {
		return err
	}
	return errors.Join(
		traceRecords("his", told.texts("his_record_frames"), given.texts("his_records"),
			&sealer{Standard{}, frameRecordHis, made.tag, newEpochKeys(0, made.appHis), 0}),
		traceRecords("pos", told.texts("pos_record_frames"),
			append([]string{given.text("ready_hex")}, given.texts("pos_records")...),
			&sealer{Standard{}, frameRecordPos, made.tag, newEpochKeys(0, made.appPos), 0}))
}

func traceRecords(side string, wanted, plaintexts []string, sealer *sealer) error {
	failed := []error{same("records of "+side, len(wanted), len(plaintexts))}
	for at, plaintext := range plaintexts {
		body, err := sealer.seal(hexes(plaintext))
		if err != nil || at >= len(wanted) {
			return errors.Join(append(failed, err)...)
		}
		encoded, err := encodeFrame(sealer.kind, body)
		failed = append(failed, err, sameHex(fmt.Sprintf("record %d of %s", at, side), wanted[at], encoded))
	}
	return errors.Join(failed...)
}

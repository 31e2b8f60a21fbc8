package hispos

import (
	"encoding/hex"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "hispos-client/internal/messages"
)

// Replays the vectors of frames, validator, key schedule, handshake and records.

var sides = map[string]side{"his": his, "pos": pos}

func replayFrames(file values, tally *tally) { tally.cases(file, replayStream) }

// replayStream takes every stream at once, byte by byte, and encodes the frames of good ones again.
func replayStream(item values) error {
	stream := item.bytes("stream")
	for _, size := range []int{len(stream) + 1, 1} {
		decoder := decoder{side: sides[item.text("receiver")]}
		found := []values{}
		for at := 0; at < len(stream); at += size {
			for _, outcome := range decoder.feed(stream[at:min(at+size, len(stream))]) {
				if outcome.drop != "" {
					found = append(found, values{"drop": outcome.drop})
					continue
				}
				found = append(found, values{"type": int64(outcome.kind), "body": hex.EncodeToString(outcome.body)})
				again, err := encodeFrame(outcome.kind, outcome.body)
				if err != nil {
					return err
				}
				both := (&decoderOf{item}).feed(again)
				if len(both) != 1 || hex.EncodeToString(both[0].body) != hex.EncodeToString(outcome.body) {
					return errors.New("the frame again is another one")
				}
			}
		}
		wanted := []values{}
		for _, outcome := range item.objects("outcomes") {
			if outcome.has("type") {
				wanted = append(wanted, values{"type": outcome.number("type"), "body": hex.EncodeToString(outcome.bytes("body"))})
			} else {
				wanted = append(wanted, values{"drop": outcome.text("drop")})
			}
		}
		if err := same("outcomes", wanted, found); err != nil {
			return err
		}
	}
	return nil
}

type decoderOf struct{ item values }

func (d *decoderOf) feed(data []byte) []frame {
	fresh := decoder{side: sides[d.item.text("receiver")]}
	return fresh.feed(data)
}

func replayValidator(file values, tally *tally) {
	tally.cases(file, func(item values) error {
		data := item.bytes("bytes")
		step := failingStep(item.text("message"), data)
		if err := same("step", item.number("step"), int64(step)); err != nil || step != 0 {
			return err
		}
		message, err := newMessage(item.text("message"))
		if err != nil {
			return err
		}
		if err := proto.Unmarshal(data, message); err != nil {
			return err
		}
		return sameHex("protobuf's encoding", item.text("bytes"), encode(message))
	})
}

func failingStep(message string, data []byte) int {
	var found NotCanonical
	if errors.As(validate(message, data), &found) {
		return found.Step
	}
	return 0
}

func newMessage(name string) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("hispos.v1." + name))
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

func replayKeySchedule(file values, tally *tally) { tally.cases(file, replayFunction) }

func replayFunction(item values) error {
	isGood := true
	var err error
	switch item.text("about") {
	case "extract":
		err = sameHex("prk", item.text("prk"), extract(item.bytes("salt"), item.bytes("ikm")))
	case "label":
		label, context, length := item.text("label"), item.bytes("context"), int(item.number("length"))
		err = errors.Join(
			sameHex("info", item.text("info"), labelInfo(label, context, length)),
			sameHex("out", item.text("out"), expandLabel(item.bytes("secret"), label, context, length)))
	case "shared":
		shared, refusal := Standard{}.X25519(item.bytes("private"), item.bytes("public"))
		isGood = refusal == nil
		if isGood {
			err = sameHex("shared", item.text("shared"), shared)
		}
	case "epoch":
		keys := newEpochKeys(0, item.bytes("first"))
		for range item.number("epoch") {
			keys = keys.next()
		}
		err = errors.Join(
			sameHex("secret", item.text("secret"), keys.secret),
			sameHex("key", item.text("key"), keys.key), sameHex("iv", item.text("iv"), keys.iv))
	case "record":
		counter := uint32(item.number("counter"))
		err = errors.Join(
			sameHex("nonce", item.text("nonce"), recordNonce(item.bytes("iv"), counter)),
			sameHex("aad", item.text("aad"), recordAad(byte(item.number("type")), byte(item.number("tag")), counter)))
	case "public_key":
		isGood = isUsableKey(item.bytes("key"))
	case "signature":
		message := signedMessage(item.text("context"), item.bytes("payload"))
		isGood = Standard{}.Verify(item.bytes("key"), message, item.bytes("signature"))
	default:
		return errUnimplemented
	}
	return errors.Join(err, sameResult(item, isGood))
}

// draws are random bytes given from outside, in the order of the draws.
type draws struct{ left [][]byte }

func (d *draws) next(length int) []byte {
	if len(d.left) == 0 || len(d.left[0]) != length {
		panic(fmt.Sprintf("a draw of %d bytes is not there", length))
	}
	drawn := d.left[0]
	d.left = d.left[1:]
	return append([]byte{}, drawn...)
}

func drawsOf(texts ...string) *draws {
	found := &draws{}
	for _, text := range texts {
		found.left = append(found.left, hexes(text))
	}
	return found
}

func endOf(own, peer values) *End {
	end := NewEnd(Standard{}, own.text("id"), own.bytes("signing_seed"), map[string][]byte{
		peer.text("id"): peer.bytes("public_key"),
	})
	end.Versions, end.Suites = own.numbers("versions"), own.numbers("suites")
	return end
}

func extensionsOf(own values) []extension {
	var found []extension
	for _, item := range own.objects("extensions") {
		found = append(found, extension{uint32(item.number("id")), item.bytes("data")})
	}
	return found
}

func exchangeOf(item values) (*initiator, *responder, error) {
	own, peer, hash := item.object("his"), item.object("pos"), sha256Of(item.bytes("agreement"))
	initiator, err := newInitiator(endOf(own, peer), peer.text("id"), hash,
		drawsOf(own.text("nonce"), own.text("x25519_private")).next)
	if err != nil {
		return nil, nil, err
	}
	var shares []*pb.KeyShare
	for _, share := range own.objects("shares") {
		shares = append(shares, &pb.KeyShare{Group: uint32(share.number("group")), Key: share.bytes("key")})
	}
	initiator.offer(shares, extensionsOf(own))
	end := endOf(peer, own)
	responder := &responder{
		end: end, terms: []Terms{{hash, end.Versions, end.Suites}}, extensions: extensionsOf(peer),
		draw: drawsOf(peer.text("nonce"), peer.text("x25519_private")).next,
	}
	return initiator, responder, nil
}

func replayHandshake(file values, tally *tally) {
	bases := map[int64]values{}
	for _, item := range file.objects("cases") {
		bases[item.number("tc_id")] = item
		tally.run(item, replayExchange)
	}
	for _, item := range file.objects("refusals") {
		tally.run(item, func(item values) error { return replayRefusal(item, bases[item.number("base")]) })
	}
}

func replayExchange(item values) error {
	initiator, responder, err := exchangeOf(item)
	if err != nil {
		return err
	}
	m2, err := responder.takeM1(initiator.m1)
	if err != nil {
		return err
	}
	m3, _, err := initiator.takeM2(m2)
	if err != nil {
		return err
	}
	if _, err := responder.takeM3(m3); err != nil {
		return err
	}
	for _, schedule := range []*keySchedule{initiator.schedule, responder.schedule} {
		secrets := schedule.secrets()
		for name := range item.object("secrets") {
			err = errors.Join(err, sameHex(name, item.object("secrets").text(name), secrets[name]))
		}
		for number, hashed := range schedule.transcript.hashes {
			name := fmt.Sprintf("th%d", number)
			if number == 0 {
				name = "t0"
			}
			err = errors.Join(err, sameHex(name, item.object("transcript").text(name), hashed))
		}
	}
	bodies := map[string][]byte{"m1": initiator.m1, "m2": m2, "m3": m3}
	for name, kind := range map[string]byte{"m1": frameM1, "m2": frameM2, "m3": frameM3} {
		encoded, failure := encodeFrame(kind, bodies[name])
		err = errors.Join(err, failure, sameHex(name, item.object("frames").text(name), encoded))
	}
	return err
}

func replayRefusal(item, base values) error {
	initiator, responder, err := exchangeOf(base)
	if err != nil {
		return err
	}
	step, receiver := item.text("message"), pos
	if step == "m2" {
		receiver = his
	}
	frames := (&decoder{side: receiver}).feed(item.bytes("frame"))
	if len(frames) != 1 || frames[0].drop != "" {
		return errors.New("not one frame")
	}
	body := frames[0].body
	switch step {
	case "m1":
		responder.extensions = nil
		_, err = responder.takeM1(body)
	case "m2":
		_, _, err = initiator.takeM2(body)
	default:
		if _, err := responder.takeM1(initiator.m1); err != nil {
			return err
		}
		_, err = responder.takeM3(body)
	}
	if err == nil {
		return errors.New("it is accepted")
	}
	var no refused
	if !errors.As(err, &no) {
		return same("alert", nil, item["alert"])
	}
	answer, err := encodeFrame(framePlainAlert, append([]byte{byte(no.code)}, frames[0].sum()...))
	return errors.Join(err, same("alert", item.number("alert"), int64(no.code)),
		sameHex("answer", item.text("answer"), answer))
}

func replayRecords(file values, tally *tally) {
	session := file.object("session")
	tag := session.bytes("tag")[0]
	kinds := map[string]byte{"his_to_pos": frameRecordHis, "pos_to_his": frameRecordPos}
	names := map[string]string{"his_to_pos": "ap_h", "pos_to_his": "ap_p"}
	receivers := map[string]side{"his_to_pos": pos, "pos_to_his": his}
	openers, sealers := map[string]*opener{}, map[string]*sealer{}
	for direction, kind := range kinds {
		secret := names[direction]
		openers[direction] = &opener{Standard{}, kind, tag, newEpochKeys(0, session.bytes(secret)), nothingOpenedYet}
		sealers[direction] = &sealer{Standard{}, kind, tag, newEpochKeys(0, session.bytes(secret)), 0}
	}
	tally.cases(file, func(item values) error {
		direction := item.text("direction")
		frames := (&decoder{side: receivers[direction]}).feed(item.bytes("frame"))
		if len(frames) != 1 {
			return errors.New("not one frame")
		}
		plaintext, err := openers[direction].open(frames[0].body)
		if err != nil {
			return same("reason", item.text("reason"), err.Error())
		}
		sealer := sealers[direction]
		sealer.counter = uint64(item.object("opened").number("counter"))
		body, err := sealer.seal(plaintext)
		if err != nil {
			return err
		}
		encoded, err := encodeFrame(kinds[direction], body)
		return errors.Join(err, sameResult(item, true), sameHex("frame", item.text("frame"), encoded),
			sameHex("plaintext", item.object("opened").text("plaintext"), plaintext))
	})
}

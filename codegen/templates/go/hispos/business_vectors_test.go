package hispos

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	pb "hispos-client/internal/messages"
)

// Replays the vectors of signed files, orders, codes and books.

func replaySignedFiles(file values, tally *tally) {
	tally.cases(file, func(item values) error {
		err := errUnimplemented
		switch item.text("about") {
		case "file":
			err = importFile(item)
		case "armour":
			var data []byte
			if data, err = ReadArmour(item.text("text")); err == nil {
				return errors.Join(sameResult(item, true), sameHex("file", item.text("file"), data))
			}
		case "succession":
			kind, held, newer := pb.FileKind(item.number("kind")), item.bytes("held"), item.bytes("newer")
			if kind == pb.FileKind_FILE_KIND_AGREEMENT {
				err = CheckAgreementSuccession(held, newer)
			} else {
				err = CheckManifestSuccession(kind, held, newer)
			}
		}
		var no FileRefused
		if !errors.As(err, &no) {
			return errors.Join(err, sameResult(item, true))
		}
		// Damaged armour may hold whole base64 of what is no file: then the file inside is refused, not the armour.
		isInside := item.text("about") == "armour" && no.Requirement == "PRV-12"
		if !isInside && !slices.Contains(item.texts("requirements"), no.Requirement) {
			return fmt.Errorf("refused by %s, shown are %v", no.Requirement, item.texts("requirements"))
		}
		return sameResult(item, false)
	})
}

func importFile(item values) error {
	kind := pb.FileKind(item.number("wanted"))
	if kind == pb.FileKind_FILE_KIND_AGREEMENT {
		_, err := ReadAgreement(Standard{}, item.bytes("file"))
		return err
	}
	organisation := "his_organisation"
	if kind == pb.FileKind_FILE_KIND_DEVICE_MANIFEST {
		organisation = "pos_organisation"
	}
	_, err := verifyManifest(Standard{}, item.bytes("file"), kind, item.bytes(organisation), item.text("site_id"))
	return err
}

func replayOrders(file values, tally *tally) { tally.cases(file, replayOrder) }

func replayOrder(item values) error {
	switch item.text("about") {
	case "order_number":
		if refund := item.object("refund"); refund != nil {
			derived := refundKey(refund.text("original"), pb.Channel(refund.number("channel")), refund.text("item"))
			if err := sameHex("key", item.text("key"), derived); err != nil {
				return err
			}
		}
		number := orderNumber(item.bytes("site_secret"), pb.Kind(item.number("kind")), item.bytes("key"),
			uint32(item.number("generation")))
		return same("number", item.text("number"), number)
	case "platform_number":
		siteCode, orderNo, letter, err := splitPlatformNumber(item.text("number"))
		if err != nil {
			return sameResult(item, false)
		}
		return errors.Join(sameResult(item, true), same("site code", item.text("site_code"), siteCode),
			same("order number", item.text("order_no"), orderNo), same("letter", item.text("letter"), letter),
			same("number", item.text("number"), platformNumber(siteCode, orderNo, letter)))
	case "amount":
		fen, err := ParseAmount(item.text("text"))
		if err != nil {
			return sameResult(item, false)
		}
		again, err := ParseAmount(ShowAmount(fen))
		return errors.Join(err, sameResult(item, true), same("fen", item.number("fen"), fen), same("again", fen, again))
	case "core":
		return replayCore(item)
	case "result":
		return replayResult(item)
	case "signature":
		isGood := isSignedResult(Standard{}, item.bytes("device_key"), item.bytes("result_core"), item.bytes("signature"))
		return sameResult(item, isGood)
	}
	return errUnimplemented
}

func replayCore(item values) error {
	core, err := readCore(item.bytes("core"))
	var no Malformed
	if errors.As(err, &no) {
		return same("reaction", item.text("reaction"), fmt.Sprintf("rejected %d", no.Code))
	}
	return errors.Join(err, sameResult(item, true), sameDecoded("decoded", item["decoded"], core),
		sameHex("hash", item.text("hash"), orderHash(item.text("site_id"), item.bytes("core"))),
		sameHex("core", item.text("core"), encode(core)))
}

func replayResult(item values) error {
	said, err := readResult(item.bytes("result_core"))
	var no NoResult
	if errors.As(err, &no) {
		return errors.Join(sameResult(item, false),
			same("requirement", true, slices.Contains(item.texts("requirements"), no.Requirement)))
	}
	return errors.Join(err, sameResult(item, true), sameDecoded("decoded", item["decoded"], said),
		sameHex("result_hash", item.text("result_hash"), resultHash(item.bytes("result_core"))))
}

func replayCodes(file values, tally *tally) {
	tally.cases(file, func(item values) error {
		channel, digits, told := readCode(item.text("text"))
		if channel == 0 {
			return errors.Join(sameResult(item, false), same("reaction", item.text("reaction"), told))
		}
		return errors.Join(sameResult(item, true), same("channel", item.number("channel"), int64(channel)),
			same("digits", item.text("digits"), digits))
	})
}

func replayBooks(file values, tally *tally) {
	tally.cases(file, func(item values) error {
		memory := &Memory{}
		for _, line := range item.objects("export") {
			memory.Records = append(memory.Records, Stored{line.bytes("record"), line.bytes("head")})
		}
		book, err := OpenBook(memory)
		if item.text("about") == "containment" {
			if err != nil {
				return err
			}
			return same("containment", item.text("containment"), book.containment(item.bytes("anchor")))
		}
		var broken BrokenBook
		errors.As(err, &broken)
		return errors.Join(same("fails_at", item.number("fails_at"), int64(broken.Seq)),
			same("reason", item.text("reason"), broken.Reason))
	})
}

// asHex is for messages of failures.
func asHex(data []byte) string { return hex.EncodeToString(data) }

package hispos

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Every truncation and every flipped bit of good bytes, at each decoder: only its own refusal may come of it.

// damages gives every truncation, every flipped bit, and one byte more.
func damages(data []byte, take func([]byte)) {
	for end := range data {
		take(slices.Clone(data[:end]))
	}
	for place := range data {
		for bit := range 8 {
			damaged := slices.Clone(data)
			damaged[place] ^= 1 << bit
			take(damaged)
		}
	}
	take(append(slices.Clone(data), 0))
}

// survive decodes each sample and each damage of it. A panic, or an error that is no refusal, is a failure.
func survive(t *testing.T, samples [][]byte, decode func([]byte) error, isRefusal func(error) bool) {
	t.Helper()
	count := 0
	for _, sample := range samples {
		if err := decode(sample); err != nil {
			t.Errorf("%x, as it is: %v", sample, err)
		}
		damages(sample, func(data []byte) {
			count++
			defer func() {
				if caught := recover(); caught != nil {
					t.Errorf("%x: it panicked: %v", data, caught)
				}
			}()
			if err := decode(data); err != nil && !isRefusal(err) {
				t.Errorf("%x: %v", data, err)
			}
		})
	}
	if count < 8 {
		t.Error("nothing is damaged")
	}
}

func anyError(error) bool { return true }

func isA[E error](err error) bool {
	var own E
	return errors.As(err, &own)
}

// samplesOf are the bytes of some cases of a file.
func samplesOf(t *testing.T, file, member string, most int, isGood func(values) bool) [][]byte {
	var found [][]byte
	for _, item := range loadVectors(t, file).objects("cases") {
		if data := item.bytes(member); isGood(item) && len(data) > 0 && len(data) < 700 && len(found) < most {
			found = append(found, data)
		}
	}
	return found
}

func TestDamagedStreamsGiveFramesAndDropsAlone(t *testing.T) {
	samples := samplesOf(t, "frames.json", "stream", 12, func(item values) bool { return len(item.bytes("stream")) < 120 })
	for _, side := range []side{his, pos} {
		survive(t, samples, func(data []byte) error {
			(&decoder{side: side}).feed(data)
			return nil
		}, anyError)
	}
}

func TestDamagedStrictMessagesAreNotCanonicalOrParse(t *testing.T) {
	seen := map[string]bool{}
	for _, item := range loadVectors(t, "validator.json").objects("cases") {
		name, data := item.text("message"), item.bytes("bytes")
		if seen[name] || item.number("step") != 0 || len(data) == 0 || len(data) > 700 {
			continue
		}
		seen[name] = true
		survive(t, [][]byte{data}, func(data []byte) error {
			message, err := newMessage(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(name, data); err != nil {
				return err
			}
			return parseStrict(data, message)
		}, isA[NotCanonical])
	}
}

func TestDamagedPlaintextsAreMessagesOrNone(t *testing.T) {
	samples := samplesOf(t, "messages.json", "plaintext", 30, func(item values) bool { return item.has("decoded") })
	survive(t, samples, func(data []byte) error {
		_, _, err := parseMessage(data)
		return err
	}, anyError)
}

func TestDamagedCoresAndResultsAreRefusedByName(t *testing.T) {
	good := func(about string) func(values) bool {
		return func(item values) bool { return item.text("about") == about && item.text("result") == "valid" }
	}
	survive(t, samplesOf(t, "orders.json", "core", 6, good("core")), func(data []byte) error {
		_, err := readCore(data)
		return err
	}, func(err error) bool { return isA[Malformed](err) || isA[NotCanonical](err) })
	survive(t, samplesOf(t, "orders.json", "result_core", 6, good("result")), func(data []byte) error {
		_, err := readResult(data)
		return err
	}, func(err error) bool { return isA[NoResult](err) || isA[NotCanonical](err) })
}

func TestDamagedSignedFilesAndArmourAreRefused(t *testing.T) {
	damaged := map[string]int{}
	for _, item := range loadVectors(t, "signed_files.json").objects("cases") {
		about := item.text("about")
		switch {
		case item.text("result") != "valid":
		case about == "file":
			damaged[fmt.Sprint(about, item.number("wanted"))]++
			survive(t, [][]byte{item.bytes("file")}, func(data []byte) error {
				_, err := readFile(data, pb.FileKind(item.number("wanted")))
				return err
			}, isA[FileRefused])
		case about == "armour":
			damaged[about]++
			survive(t, [][]byte{[]byte(item.text("text"))}, func(data []byte) error {
				_, err := ReadArmour(string(data))
				return err
			}, isA[FileRefused])
		}
	}
	if len(damaged) != 4 {
		t.Errorf("agreements, two kinds of manifests and armour are four: %v", damaged)
	}
}

func TestNoSignatureOfADamagedFileHolds(t *testing.T) {
	// A file of each kind, from here.
	his, pos := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	site := loadVectors(t, "conversations.json").object("site")
	payload := &pb.Agreement{}
	if err := proto.Unmarshal(site.bytes("agreement"), payload); err != nil {
		t.Fatal(err)
	}
	payload.HisOrganisationKey, payload.PosOrganisationKey = Standard{}.Ed25519Public(his), Standard{}.Ed25519Public(pos)
	file := SignFile(Standard{}, pb.FileKind_FILE_KIND_AGREEMENT, encode(payload), his, pos)
	agreement, err := ReadAgreement(Standard{}, file)
	if err != nil {
		t.Fatal(err)
	}
	devices := SignFile(Standard{}, pb.FileKind_FILE_KIND_DEVICE_MANIFEST, site.bytes("device_manifest"), pos)
	terminals := SignFile(Standard{}, pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, site.bytes("terminal_manifest"), his)
	for name, of := range map[string]struct {
		file []byte
		read func([]byte) error
	}{
		"agreement": {file, func(data []byte) error { _, err := ReadAgreement(Standard{}, data); return err }},
		"devices":   {devices, func(data []byte) error { _, err := ReadDevices(Standard{}, data, agreement); return err }},
		"terminals": {terminals, func(data []byte) error { _, err := ReadTerminals(Standard{}, data, agreement); return err }},
	} {
		if err := of.read(of.file); err != nil {
			t.Fatal(name, err)
		}
		damages(of.file, func(data []byte) {
			if err := of.read(data); !isA[FileRefused](err) {
				t.Errorf("%s %x: %v", name, data, err)
			}
		})
	}
}

func TestDamagedHandshakesAreDroppedOrRefusedAndNeverAccepted(t *testing.T) {
	item := loadVectors(t, "handshake.json").objects("cases")[0]
	first, second, err := exchangeOf(item)
	if err != nil {
		t.Fatal(err)
	}
	m2, err := second.takeM1(first.m1)
	if err != nil {
		t.Fatal(err)
	}
	m3, _, err := first.takeM2(m2)
	if err != nil {
		t.Fatal(err)
	}
	damages(m3, func(data []byte) {
		_, responder, _ := exchangeOf(item)
		if _, err := responder.takeM1(first.m1); err != nil {
			t.Fatal(err)
		}
		if _, err := responder.takeM3(data); err == nil {
			t.Errorf("M3 %x is accepted", data)
		}
	})
	damages(m2, func(data []byte) {
		initiator, _, _ := exchangeOf(item)
		if _, _, err := initiator.takeM2(data); err == nil {
			t.Errorf("M2 %x is accepted", data)
		}
	})
	survive(t, [][]byte{first.m1}, func(data []byte) error {
		_, responder, _ := exchangeOf(item)
		_, err := responder.takeM1(data)
		return err
	}, anyError)
}

func TestADamagedRecordDoesNotOpen(t *testing.T) {
	secret := make([]byte, 32)
	body, err := (&sealer{Standard{}, frameRecordHis, 7, newEpochKeys(0, secret), 0}).seal([]byte("plaintext"))
	if err != nil {
		t.Fatal(err)
	}
	damages(body, func(data []byte) {
		opener := &opener{Standard{}, frameRecordHis, 7, newEpochKeys(0, secret), nothingOpenedYet}
		if _, err := opener.open(data); err == nil || !isA[dropped](err) {
			t.Errorf("%x: %v", data, err)
		}
	})
}

func TestDamagedPaymentCodesAndRepliesAreRefused(t *testing.T) {
	survive(t, [][]byte{[]byte("134567890123456789"), []byte("281234567890123456")}, func(data []byte) error {
		if channel, digits, told := readCode(string(data)); (channel == 0) != (digits == "") || (told == "") == (digits == "") {
			return errors.New("a code that is told of, or none that is not")
		}
		return nil
	}, func(error) bool { return false })
}

func TestADamagedBookIsBrokenOrHasLostItsEndAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.jsonl")
	open := func() (*Book, *FileStorage, error) {
		storage, err := OpenFileStorage(path)
		if err != nil {
			t.Fatal(err)
		}
		book, err := OpenBook(storage)
		return book, storage, err
	}
	book, storage, err := open()
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(book.begin(make([]byte, 8), 1), book.commit(nil, []write{{rowKey{pb.Table_TABLE_PROGRAM, "x"}, []byte("x")}}, 1),
		storage.Close())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	known := book.heads
	damages(whole, func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		again, storage, err := open()
		defer storage.Close()
		if err != nil && !isA[BrokenBook](err) {
			t.Errorf("%s: %v", data, err)
		}
		if err != nil {
			return
		}
		for at, head := range again.heads {
			if !slices.Equal(head, known[at]) {
				t.Errorf("another record %d: %s", at+1, data)
			}
		}
	})
}

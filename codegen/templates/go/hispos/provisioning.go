package hispos

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	pb "hispos-client/internal/messages"
)

// Signed files: agreements and manifests, verified before anything of them is used (provisioning).

// FileRefused is a file that is not taken over; Requirement is the one that it breaks.
type FileRefused struct {
	Requirement string
	Why         string
}

func (r FileRefused) Error() string { return fmt.Sprintf("%s (%s)", r.Why, r.Requirement) }

var fileContexts = map[pb.FileKind]string{
	pb.FileKind_FILE_KIND_AGREEMENT:         LabelAgreement,
	pb.FileKind_FILE_KIND_DEVICE_MANIFEST:   LabelDeviceManifest,
	pb.FileKind_FILE_KIND_TERMINAL_MANIFEST: LabelTerminalManifest,
}

var fileMessages = map[pb.FileKind]string{
	pb.FileKind_FILE_KIND_AGREEMENT:         "Agreement",
	pb.FileKind_FILE_KIND_DEVICE_MANIFEST:   "DeviceManifest",
	pb.FileKind_FILE_KIND_TERMINAL_MANIFEST: "TerminalManifest",
}

// keyID names an organisation's key in signed files (provisioning, section "Organisation keys").
func keyID(publicKey []byte) []byte { return sha256Of(publicKey)[:8] }

// Fingerprint is what people compare by telephone: 8 groups of 4 capital hexadecimal digits.
func Fingerprint(publicKey []byte) string {
	digits := strings.ToUpper(hex.EncodeToString(sha256Of(publicKey)[:16]))
	var groups []string
	for at := 0; at < len(digits); at += 4 {
		groups = append(groups, digits[at:at+4])
	}
	return strings.Join(groups, " ")
}

// SignFile makes a signed file (PRV-8, PRV-10); keys are private ones.
func SignFile(crypto Crypto, kind pb.FileKind, payload []byte, keys ...[]byte) []byte {
	file := &pb.SignedFile{Kind: kind, Payload: payload}
	for _, key := range keys {
		file.Signatures = append(file.Signatures, &pb.FileSignature{
			KeyId:     keyID(crypto.Ed25519Public(key)),
			Signature: crypto.Sign(key, signedMessage(fileContexts[kind], payload)),
		})
	}
	slices.SortFunc(file.Signatures, func(one, other *pb.FileSignature) int {
		return bytes.Compare(one.KeyId, other.KeyId)
	})
	return encode(file)
}

// signedFile is one whose form is right.
type signedFile struct{ *pb.SignedFile }

// isSignedBy tells whether the signature of this key is there and verifies (PRV-13).
func (f signedFile) isSignedBy(crypto Crypto, publicKey []byte) bool {
	message := signedMessage(fileContexts[f.Kind], f.Payload)
	return slices.ContainsFunc(f.Signatures, func(item *pb.FileSignature) bool {
		return bytes.Equal(item.KeyId, keyID(publicKey)) && crypto.Verify(publicKey, message, item.Signature)
	})
}

// readFile reads the binary form of a file of a kind (PRV-11, PRV-12).
func readFile(data []byte, wanted pb.FileKind) (signedFile, error) {
	file, err := readAnyFile(data)
	if err == nil && file.Kind != wanted {
		err = FileRefused{"PRV-12", fmt.Sprintf("a file of kind %d", file.Kind)}
	}
	return file, err
}

func readAnyFile(data []byte) (signedFile, error) {
	file := signedFile{&pb.SignedFile{}}
	if len(data) > LimitSignedFileBytesMax {
		return file, FileRefused{"PRV-11", fmt.Sprintf("a file of %d bytes", len(data))}
	}
	if err := parseStrict(data, file.SignedFile); err != nil {
		return file, FileRefused{"PRV-12", err.Error()}
	}
	if fileContexts[file.Kind] == "" {
		return file, FileRefused{"PRV-12", fmt.Sprintf("a file of kind %d", file.Kind)}
	}
	if err := validate(fileMessages[file.Kind], file.Payload); err != nil {
		return file, FileRefused{"PRV-12", err.Error()}
	}
	for at := 1; at < len(file.Signatures); at++ {
		if bytes.Compare(file.Signatures[at-1].KeyId, file.Signatures[at].KeyId) >= 0 {
			return file, FileRefused{"PRV-12", "the key ids do not ascend"}
		}
	}
	return file, nil
}

const armourBegin, armourEnd = "-----BEGIN HISPOS ", "-----END"

var armourDigits = regexp.MustCompile(`^[0-9A-Za-z+/]*={0,2}$`)

// ReadArmour gives the binary form in armour (PRV-15 to PRV-18).
func ReadArmour(text string) ([]byte, error) {
	lines := strings.Split(text, "\n")
	for at, line := range lines {
		lines[at] = strings.Trim(line, " \t\r\v\f")
	}
	begin := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, armourBegin) })
	if begin < 0 {
		return nil, FileRefused{"PRV-18", "there is no BEGIN line"}
	}
	name, isWhole := strings.CutSuffix(lines[begin][len(armourBegin):], "-----")
	if !isWhole {
		return nil, FileRefused{"PRV-18", "there is no BEGIN line"}
	}
	rest := lines[begin+1:]
	end := slices.IndexFunc(rest, func(line string) bool { return strings.HasPrefix(line, armourEnd) })
	if end < 0 || rest[end] != "-----END HISPOS "+name+"-----" {
		return nil, FileRefused{"PRV-18", "the END line is missing or another one"}
	}
	digits := strings.Join(rest[:end], "")
	if !armourDigits.MatchString(digits) {
		return nil, FileRefused{"PRV-17", "a character that base64 does not have"}
	}
	data, err := base64.StdEncoding.Strict().DecodeString(digits)
	if err != nil {
		return nil, FileRefused{"PRV-17", err.Error()}
	}
	file, err := readAnyFile(data)
	if err != nil {
		return nil, err
	}
	inside := strings.TrimPrefix(file.Kind.String(), "FILE_KIND_")
	if strings.ReplaceAll(inside, "_", " ") != name {
		return nil, FileRefused{"PRV-18", "the name is not that of the file inside"}
	}
	return data, nil
}

// Agreement is one that was verified, with the bytes that were.
type Agreement struct {
	*pb.Agreement
	Payload []byte
	Hash    []byte
}

// Terms are what sessions need of it.
func (a *Agreement) Terms() Terms { return Terms{a.Hash, a.Versions, a.Suites} }

// AgreementOf gives an agreement whose signatures were verified before, from its payload.
func AgreementOf(payload []byte) (*Agreement, error) { return newAgreement(payload) }

// newAgreement takes a payload that was verified before.
func newAgreement(payload []byte) (*Agreement, error) {
	agreement := &Agreement{Agreement: &pb.Agreement{}, Payload: payload, Hash: sha256Of(payload)}
	return agreement, proto.Unmarshal(payload, agreement.Agreement)
}

// ReadAgreement gives an agreement that both its organisations signed (PRV-19 to PRV-27). Whether people have confirmed
// the fingerprints of its keys is the caller's to ask (PRV-3).
func ReadAgreement(crypto Crypto, data []byte) (*Agreement, error) {
	file, err := readFile(data, pb.FileKind_FILE_KIND_AGREEMENT)
	if err != nil {
		return nil, err
	}
	agreement, err := newAgreement(file.Payload)
	if err != nil {
		return nil, err
	}
	if err := judgeAgreement(agreement.Agreement); err != nil {
		return nil, err
	}
	for _, key := range [][]byte{agreement.HisOrganisationKey, agreement.PosOrganisationKey} {
		if !file.isSignedBy(crypto, key) {
			return nil, FileRefused{"PRV-25", "not signed by both organisations"}
		}
	}
	return agreement, nil
}

func judgeAgreement(agreement *pb.Agreement) error {
	his, pos := agreement.HisOrganisationKey, agreement.PosOrganisationKey
	offset, cut := agreement.BusinessDay.GetUtcOffsetMinutes(), agreement.BusinessDay.GetCutMinutes()
	switch {
	case !ascend(agreement.Versions) || !ascend(agreement.Suites) || agreement.Currency != "CNY":
		return FileRefused{"PRV-19", "currency, or versions and suites that do not ascend"}
	case bytes.Equal(his, pos) || !isUsableKey(his) || !isUsableKey(pos):
		return FileRefused{"PRV-20", "an organisation key is unusable"}
	case max(agreement.Amounts.GetCollectMax(), agreement.Amounts.GetRefundMax()) > LimitAmountFenMax:
		return FileRefused{"PRV-21", "an amount limit is too high"}
	case offset < -720 || offset > 840 || cut > 1439:
		return FileRefused{"PRV-22", "the business day"}
	case agreement.Wechat == nil && agreement.Alipay == nil:
		return FileRefused{"PRV-23", "no merchant"}
	case strings.HasPrefix(agreement.SiteCode, "SIM") != agreement.Simulated:
		return FileRefused{"PRV-24", "site code and simulation disagree"}
	case agreement.Simulated:
		return nil
	}
	timers := agreement.Timers
	switch {
	case timers.GetDrift() < TimerDrift || timers.GetReverseMin() < TimerReverseMin ||
		timers.GetFence() < TimerFence || timers.GetQuiet() < TimerQuiet:
		return FileRefused{"PRV-26", "a protecting timer is too short"}
	case uint64(timers.Quiet) < uint64(timers.Http)+uint64(timers.Fence) || timers.Fence < timers.Expiry:
		return FileRefused{"PRV-27", "timers that do not add up"}
	}
	return nil
}

func ascend(numbers []uint32) bool {
	for at := 1; at < len(numbers); at++ {
		if numbers[at-1] >= numbers[at] {
			return false
		}
	}
	return true
}

// businessDay is that of a moment, as YYYYMMDD (provisioning, section "The business day").
func businessDay(agreement *pb.Agreement, unix uint64) uint32 {
	day := agreement.BusinessDay
	shift := 60*int64(day.GetUtcOffsetMinutes()) - 60*int64(day.GetCutMinutes())
	date := time.Unix(int64(unix)+shift, 0).UTC()
	return uint32(date.Year()*10000 + int(date.Month())*100 + date.Day())
}

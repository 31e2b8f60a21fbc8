package hispos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	pb "hispos-client/internal/messages"
)

// Orders without a link: numbers, amounts, cores, results (orders).

const numberDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// statusGroup bounds the statuses of an outcome.
type statusGroup struct{ first, last pb.Status }

var statusGroups = map[pb.Outcome]statusGroup{
	pb.Outcome_OUTCOME_PAID:         {100, 109},
	pb.Outcome_OUTCOME_REFUNDED:     {110, 199},
	pb.Outcome_OUTCOME_NOT_PAID:     {200, 299},
	pb.Outcome_OUTCOME_ATTENTION:    {300, 399},
	pb.Outcome_OUTCOME_NOT_REFUNDED: {400, 499},
}

var channelLetters = map[pb.Channel]string{pb.Channel_CHANNEL_WECHAT: "W", pb.Channel_CHANNEL_ALIPAY: "A"}

const refundLetter = "R"

// Malformed are bytes that are no order, with the code of Rejected.
type Malformed struct {
	Code pb.RejectCode
	Why  string
}

func (m Malformed) Error() string { return m.Why }

// NoResult are bytes that are no result; Requirement is ENC-2 or one of ORD-42 to ORD-45.
type NoResult struct{ Requirement string }

func (n NoResult) Error() string { return "no result (" + n.Requirement + ")" }

var typedAmount = regexp.MustCompile(`^([+-])([0-9]+)(?:\.([0-9]{1,2}))?$`)

// ParseAmount gives fen of what a person types, sign included (ORD-15).
func ParseAmount(text string) (int64, error) {
	found := typedAmount.FindStringSubmatch(text)
	if found == nil {
		return 0, errors.New("an amount is a sign, digits, and at most two decimals behind a point")
	}
	fen, err := strconv.ParseInt(found[2]+(found[3] + "00")[:2], 10, 64)
	if err != nil || fen < 1 || fen > LimitAmountFenMax {
		return 0, errors.New("an amount out of range")
	}
	if found[1] == "-" {
		fen = -fen
	}
	return fen, nil
}

// ShowAmount gives an amount as a person types it.
func ShowAmount(fen int64) string {
	sign := "+"
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// orderNumber is a derived one (ORD-22).
func orderNumber(siteSecret []byte, kind pb.Kind, key []byte, generation uint32) string {
	hashed := append([]byte(LabelOrderNumber), 0, byte(kind))
	hashed = binary.BigEndian.AppendUint16(hashed, uint16(len(key)))
	hashed = binary.BigEndian.AppendUint32(append(hashed, key...), generation)
	bits := new(big.Int).SetBytes(hmacOf(siteSecret, hashed))
	bits.Rsh(bits, 256-95)
	number := []byte{'B'}
	for shift := 90; shift >= 0; shift -= 5 {
		digit := new(big.Int).Rsh(bits, uint(shift)).Uint64() & 31
		number = append(number, numberDigits[digit])
	}
	return string(number)
}

// refundKey is the key of a refund's derived number (ORD-22).
func refundKey(original string, channel pb.Channel, item string) []byte {
	key := append([]byte{byte(len(original))}, original...)
	return append(append(key, byte(channel)), item...)
}

// platformNumber is the number at a platform: letter W, A or R (ORD-25).
func platformNumber(siteCode, orderNo, letter string) string { return siteCode + orderNo + letter }

var platformNumberForm = regexp.MustCompile(`^([0-9A-Z]{4})([0-9A-Z]{1,24})([WAR])$`)

// splitPlatformNumber gives site code, order number and letter.
func splitPlatformNumber(number string) (siteCode, orderNo, letter string, err error) {
	found := platformNumberForm.FindStringSubmatch(number)
	if found == nil {
		return "", "", "", errors.New("no platform number")
	}
	return found[1], found[2], found[3], nil
}

// readCore gives an order's core, judged as a receiver does (ORD-28 to ORD-30), or Malformed.
func readCore(data []byte) (*pb.OrderCore, error) {
	core := &pb.OrderCore{}
	if err := parseStrict(data, core); err != nil {
		return nil, Malformed{pb.RejectCode_REJECT_CODE_MALFORMED, err.Error()}
	}
	if core.Kind != pb.Kind_KIND_COLLECT && core.Kind != pb.Kind_KIND_REFUND {
		return nil, Malformed{pb.RejectCode_REJECT_CODE_MALFORMED, "kind"}
	}
	isCollect := core.Kind == pb.Kind_KIND_COLLECT
	if !isAmount(core.Amount) || (core.Amount > 0) != isCollect {
		return nil, Malformed{pb.RejectCode_REJECT_CODE_AMOUNT, "amount"}
	}
	refund := core.RefundOf
	switch {
	case !isDay(core.BusinessDay) || (refund == nil) != isCollect:
		return nil, Malformed{pb.RejectCode_REJECT_CODE_MALFORMED, "business day, or what is refunded"}
	case isCollect:
		return core, nil
	case refund.Operator == refund.Approver || channelLetters[refund.Channel] == "":
		return nil, Malformed{pb.RejectCode_REJECT_CODE_MALFORMED, "operator, approver or channel"}
	case refund.Amount > LimitAmountFenMax || int64(refund.Amount) < -core.Amount:
		return nil, Malformed{pb.RejectCode_REJECT_CODE_MALFORMED, "the original's amount"}
	}
	return core, nil
}

func isAmount(fen int64) bool { return fen <= LimitAmountFenMax && fen >= -LimitAmountFenMax }

func isDay(day uint32) bool {
	_, err := time.Parse("20060102", strconv.FormatUint(uint64(day), 10))
	return err == nil && day >= 1000_01_01
}

// isOrderNo tells whether a text has the form of an order number.
func isOrderNo(text string) bool {
	return len(text) >= 1 && len(text) <= LimitIdBytesMax && consistsOf([]byte(text), isCapitalOrDigit)
}

// orderHash is that of an order, over the core's bytes as they were first made (ORD-31).
func orderHash(siteID string, core []byte) []byte {
	return sha256Of([]byte(LabelOrder), []byte{0, byte(len(siteID))}, []byte(siteID), core)
}

// readResult gives a result, judged as a receiver does (ORD-42 to ORD-45), or NoResult.
func readResult(data []byte) (*pb.ResultCore, error) {
	said := &pb.ResultCore{}
	if err := parseStrict(data, said); err != nil {
		return nil, NoResult{"ENC-2"}
	}
	group, isKnown := statusGroups[said.Outcome]
	if !isKnown || !isAmount(said.Amount) || !hasRightSign(said) {
		return nil, NoResult{"ORD-42"}
	}
	channels := []pb.Channel{}
	if said.Channel != 0 {
		channels = append(channels, said.Channel)
	}
	for _, capture := range said.Found {
		channels = append(channels, capture.Channel)
	}
	for _, channel := range channels {
		if channelLetters[channel] == "" {
			return nil, NoResult{"ORD-42"}
		}
	}
	_, isStatus := pb.Status_name[int32(said.Status)]
	if isStatus && (said.Status < group.first || said.Status > group.last) {
		return nil, NoResult{"ORD-43"}
	}
	if isInconsistent(said) {
		return nil, NoResult{"ORD-45"}
	}
	return said, nil
}

func hasRightSign(said *pb.ResultCore) bool {
	switch said.Outcome {
	case pb.Outcome_OUTCOME_PAID, pb.Outcome_OUTCOME_NOT_PAID:
		return said.Amount >= 0
	case pb.Outcome_OUTCOME_REFUNDED, pb.Outcome_OUTCOME_NOT_REFUNDED:
		return said.Amount <= 0
	}
	return true
}

func isInconsistent(said *pb.ResultCore) bool {
	hasMoved := said.Outcome == pb.Outcome_OUTCOME_PAID || said.Outcome == pb.Outcome_OUTCOME_REFUNDED
	switch {
	case hasMoved && (said.Channel == 0 || said.PaymentNo == ""),
		said.PaymentNo != "" && said.Channel == 0,
		said.RefundId != "" && said.Amount > 0,
		said.Outcome == pb.Outcome_OUTCOME_PAID && said.ProviderCode != "",
		len(said.Found) > 0 && said.Outcome != pb.Outcome_OUTCOME_ATTENTION:
		return true
	}
	for _, capture := range said.Found {
		if capture.Amount < 0 || capture.Amount > LimitAmountFenMax {
			return true
		}
	}
	return false
}

// resultHash names a result in a confirmation (ORD-46).
func resultHash(result []byte) []byte { return sha256Of(result)[:16] }

// isSignedResult tells whether a device signed a result (ORD-34).
func isSignedResult(crypto Crypto, deviceKey, result, signature []byte) bool {
	return crypto.Verify(deviceKey, signedMessage(LabelResult, result), signature)
}

// readCode tells which channel a scanned text is a payment code of, with its digits, or what the patient is told
// (PAY-93 to PAY-95).
func readCode(text string) (channel pb.Channel, digits, told string) {
	text = strings.TrimFunc(text, func(letter rune) bool { return letter <= 0x20 || letter == 0x7f })
	isDigit := func(letter rune) bool { return letter >= '0' && letter <= '9' }
	isWide := func(letter rune) bool { return isDigit(letter) || letter >= '０' && letter <= '９' }
	all := func(is func(rune) bool) bool {
		return strings.IndexFunc(text, func(letter rune) bool { return !is(letter) }) < 0
	}
	small := strings.ToLower(text)
	switch {
	case text == "":
		return 0, "", "empty"
	case len([]rune(text)) == 28 && (all(isDigit) || strings.HasPrefix(small, "opc")):
		return 0, "", "insurance"
	case strings.Contains(text, "://") || strings.HasPrefix(small, "wxp:") || strings.HasPrefix(small, "www."):
		return 0, "", "link"
	case !all(isDigit) && all(isWide):
		return 0, "", "full_width"
	case !all(isDigit):
		return 0, "", "not_digits"
	}
	for _, known := range codeRanges {
		begin := text[:min(len(known.first), len(text))]
		if len(begin) < len(known.first) || begin < known.first || begin > known.last {
			continue
		}
		isLong := len(text) >= known.lengthMin && len(text) <= known.lengthMax
		switch {
		case known.kind == CodeKindUnionpay && isLong:
			return 0, "", "unionpay"
		case known.kind == CodeKindUnionpay:
			continue
		case !isLong:
			return 0, "", "length"
		case known.kind == CodeKindWechat:
			return pb.Channel_CHANNEL_WECHAT, text, ""
		case known.kind == CodeKindAlipay:
			return pb.Channel_CHANNEL_ALIPAY, text, ""
		}
	}
	return 0, "", "unknown"
}

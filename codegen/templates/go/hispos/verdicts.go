package hispos

import (
	"errors"
	"strings"
)

// What the replies of payment platforms prove (payment, "Verdicts"), by the generated table.

const (
	currencyYuan   = "CNY"
	noRefundStatus = "NO_REFUND_STATUS"
	success        = "SUCCESS"
	alipaySuccess  = "10000"
	alipayFailed   = "40004"
)

// ErrUntrusted is a reply to something else than was asked: it proves nothing.
var ErrUntrusted = errors.New("a reply to something else")

// Reply is what a platform said, in a reply whose signature was verified. A nil member was not there.
type Reply struct {
	Code                     string
	SubCode                  string
	Account, SubAccount      *string
	Number                   *string
	TradeState               *string
	Total                    *int64
	Currency                 *string
	PaymentNo                *string
	CapturedAt               *uint64
	Refunded                 *int64
	RefundNumber             *string
	RefundAmount             *int64
	RefundID                 *string
	RefundStatus, FundChange *string
	RefundedAt               *uint64
}

// word is what the table is asked for: a code of the answer, or a state inside a success.
type word struct {
	text    string
	isState bool
}

// Judge fills in what a reply to an ask proves, or says ErrUntrusted.
func Judge(profile Profile, ask *Ask, reply *Reply, answer *Answer) error {
	answer.Proof = ProofOpen
	isRefund := ask.Call == PlatformCallRefund || ask.Call == PlatformCallQueryRefund
	isOtherAmount := isRefund && reply.RefundAmount != nil && *reply.RefundAmount != ask.Fen
	if !isAbout(reply.Number, ask.Number) || !isAbout(reply.RefundNumber, ask.RefundNumber) || isOtherAmount {
		return ErrUntrusted
	}
	found, isListed := listed(profile, ask.Call, wordOf(profile, ask.Call, reply))
	if differs(ask, reply) {
		if capture, hasMoney := capturedMoney(found, reply); isListed && hasMoney && ask.Call == PlatformCallQuery {
			answer.Proof, answer.Capture = ProofMismatch, capture
			answer.ProviderCode = providerCode(profile, ask.Call, reply)
			return nil
		}
		return ErrUntrusted
	}
	answer.ProviderCode = providerCode(profile, ask.Call, reply)
	switch {
	case isListed:
		prove(found, reply, answer)
	case ask.Call == PlatformCallVerify:
		answer.Proof = ProofMerchantRefused
	}
	return nil
}

func isAbout(told *string, asked string) bool { return told == nil || asked != "" && *told == asked }

func textOf(told *string) string {
	if told == nil {
		return ""
	}
	return *told
}

func providerCode(profile Profile, call PlatformCall, reply *Reply) string {
	code := wordOf(profile, call, reply).text
	if code == "" {
		code = reply.Code
	}
	return visible(code)
}

// visible leaves what a result may hold.
func visible(text string) string {
	kept := strings.Map(func(letter rune) rune {
		if letter < '!' || letter > '~' {
			return -1
		}
		return letter
	}, text)
	return kept[:min(len(kept), LimitProviderCodeBytesMax)]
}

func wordOf(profile Profile, call PlatformCall, reply *Reply) word {
	isAlipay := profile == ProfileAlipay
	if isAlipay && reply.Code != alipaySuccess || !isAlipay && reply.Code != success {
		if isAlipay && reply.Code == alipayFailed {
			return word{text: strings.TrimPrefix(reply.SubCode, "ACQ.")}
		}
		return word{text: reply.Code}
	}
	state, refundStatus := textOf(reply.TradeState), textOf(reply.RefundStatus)
	switch call {
	case PlatformCallPay:
		if state != "" && !isPaidState(state) {
			return word{isState: true}
		}
	case PlatformCallQuery:
		return word{state, true}
	case PlatformCallRefund:
		if !isAlipay {
			return word{refundStatus, true}
		}
		if change := textOf(reply.FundChange); change == "Y" || change == "N" {
			return word{"FUND_CHANGE_" + change, true}
		}
		return word{isState: true}
	case PlatformCallQueryRefund:
		if isAlipay && refundStatus == "" {
			return word{text: noRefundStatus}
		}
		return word{refundStatus, true}
	}
	return word{text: reply.Code}
}

func isPaidState(state string) bool {
	return state == success || state == "TRADE_SUCCESS" || state == "TRADE_FINISHED"
}

// listed looks a word up. Only a code says that something is absent, and the code of a question says nothing else.
func listed(profile Profile, call PlatformCall, word word) (Verdict, bool) {
	isQuestion := call == PlatformCallQuery || call == PlatformCallQueryRefund
	if word.isState && call == PlatformCallRefund && profile != ProfileAlipay {
		call = PlatformCallQueryRefund
	}
	found, isListed := answers[answerKey{profile, call, word.text}]
	isAbsent := found == VerdictAbsent
	if word.isState && isAbsent || !word.isState && isQuestion && !isAbsent {
		return 0, false
	}
	return found, isListed
}

func differs(ask *Ask, reply *Reply) bool {
	isOther := func(told *string, asked string) bool { return told != nil && *told != asked }
	return isOther(reply.Account, ask.Merchant.Account) || isOther(reply.SubAccount, ask.Merchant.SubAccount) ||
		isOther(reply.Currency, currencyYuan) || reply.Total != nil && *reply.Total != ask.Total
}

func prove(found Verdict, reply *Reply, answer *Answer) {
	capture, hasMoney := capturedMoney(found, reply)
	switch found {
	case VerdictCaptured:
		if hasMoney {
			answer.Proof, answer.Capture = ProofCaptured, capture
		}
	case VerdictCapturedAndRefunded, VerdictClosed:
		switch {
		case hasMoney:
			answer.Proof, answer.Capture = ProofCapturedAndRefunded, capture
			if reply.Refunded != nil {
				answer.Refunded = *reply.Refunded
			}
		case found == VerdictClosed && !isClosedBehindPayment(reply):
			answer.Proof = ProofClosed
		}
	case VerdictRefunded:
		answer.Proof, answer.RefundID = ProofRefunded, ownNumber(reply.RefundID)
		if reply.RefundedAt != nil {
			answer.RefundedAt = *reply.RefundedAt
		}
	case VerdictNotRefunded:
		answer.Proof, answer.IsClosed = ProofNotRefunded, reply.RefundStatus != nil
	default:
		answer.Proof = proofs[found]
	}
}

var proofs = map[Verdict]Proof{
	VerdictDead: ProofRefused, VerdictPayerRefused: ProofPayerRefused, VerdictNumberKnown: ProofNumberKnown,
	VerdictAlive: ProofAlive, VerdictAbsent: ProofAbsent, VerdictOpen: ProofOpen,
	VerdictRefundPending: ProofRefundPending, VerdictRefundAbnormal: ProofRefundAbnormal,
	VerdictVerified: ProofVerified, VerdictMerchantRefused: ProofMerchantRefused,
}

func capturedMoney(found Verdict, reply *Reply) (Capture, bool) {
	isTold := found == VerdictCaptured || found == VerdictCapturedAndRefunded ||
		found == VerdictClosed && isClosedBehindPayment(reply)
	number := ownNumber(reply.PaymentNo)
	if !isTold || number == "" || reply.Total == nil {
		return Capture{}, false
	}
	capture := Capture{PaymentNo: number, Fen: *reply.Total}
	if reply.CapturedAt != nil {
		capture.CapturedAt = *reply.CapturedAt
	}
	return capture, true
}

func isClosedBehindPayment(reply *Reply) bool {
	hasRefunds := reply.Refunded != nil && *reply.Refunded > 0
	return textOf(reply.TradeState) == "TRADE_CLOSED" && (reply.CapturedAt != nil || hasRefunds)
}

// ownNumber is a platform's own number, empty if no result could hold it.
func ownNumber(told *string) string {
	number := textOf(told)
	isVisible := consistsOf([]byte(number), func(letter byte) bool { return letter >= '!' && letter <= '~' })
	if len(number) > LimitPaymentNoBytesMax || !isVisible {
		return ""
	}
	return number
}

package hispos

import pb "hispos-client/internal/messages"

// The payment platform as the order flow sees it: questions out, answers in. What WeChat Pay or Alipay say is the
// vendor's payment code's to know; it turns each reply into one proof. No rule about money is in it.

// Merchant is an account at a platform.
type Merchant struct {
	Channel             pb.Channel
	Account, SubAccount string
	Simulated           bool
}

// Ask is a question to a platform. The payment code reads the clock again before the first byte, writes nothing at or
// after NotAfter, and sends nothing twice.
type Ask struct {
	ID       uint64
	Merchant Merchant
	Call     PlatformCall
	// The platform number; of the original, for a refund. Empty for verify.
	Number string
	// The original's total in fen; 0 for verify.
	Total int64
	// Of pay: the digits, which no log may show, and a Unix time in the platform's own time.
	Code      Secret
	ExpiresAt uint64
	// Of refunds and the questions about them.
	RefundNumber string
	Fen          int64
	// An instant; 0 for what moves no money.
	NotAfter int64
	// Milliseconds.
	HTTP, Connect int64
}

// Secret is a text that no log shows.
type Secret string

func (Secret) String() string { return "(secret)" }

// GoString shows nothing either.
func (Secret) GoString() string { return "(secret)" }

// Proof is what an answer proves, by its name in the vectors.
type Proof string

// The proofs.
const (
	ProofOpen                Proof = "open"
	ProofCaptured            Proof = "captured"
	ProofMismatch            Proof = "mismatch"
	ProofCapturedAndRefunded Proof = "captured_and_refunded"
	ProofClosed              Proof = "closed"
	ProofRefused             Proof = "refused"
	ProofPayerRefused        Proof = "payer_refused"
	ProofNumberKnown         Proof = "number_known"
	ProofAlive               Proof = "alive"
	ProofAbsent              Proof = "absent"
	ProofRefunded            Proof = "refunded"
	ProofRefundPending       Proof = "refund_pending"
	ProofNotRefunded         Proof = "not_refunded"
	ProofRefundAbnormal      Proof = "refund_abnormal"
	ProofVerified            Proof = "verified"
	ProofMerchantRefused     Proof = "merchant_refused"
)

// Capture is money that a platform has taken.
type Capture struct {
	PaymentNo  string
	Fen        int64
	CapturedAt uint64
}

// Answer is what came of an Ask.
type Answer struct {
	ID    uint64
	Proof Proof
	// Of captured, mismatch and captured_and_refunded.
	Capture Capture
	// Of captured_and_refunded: fen given back so far.
	Refunded int64
	// Of refunded.
	RefundID   string
	RefundedAt uint64
	// Of not_refunded: the platform had accepted it and closed it.
	IsClosed     bool
	ProviderCode string
	// Unix time in the answer, 0 without one.
	Date uint64
	// When the first byte may have been written; nil if provably none was.
	FirstByte *int64
	Ended     int64
	// An answer came and could be trusted.
	Answered bool
}

// merchantOf gives the merchant of a channel under an agreement.
func merchantOf(agreement *Agreement, channel pb.Channel) (Merchant, bool) {
	switch {
	case channel == pb.Channel_CHANNEL_WECHAT && agreement.Wechat != nil:
		merchant := agreement.Wechat
		return Merchant{channel, merchant.MchId, merchant.SubMchId, agreement.Simulated}, true
	case channel == pb.Channel_CHANNEL_ALIPAY && agreement.Alipay != nil:
		merchant := agreement.Alipay
		return Merchant{channel, merchant.AppId, merchant.SellerId, agreement.Simulated}, true
	}
	return Merchant{}, false
}

var channels = []pb.Channel{pb.Channel_CHANNEL_WECHAT, pb.Channel_CHANNEL_ALIPAY}

// Merchants are those of an agreement.
func (a *Agreement) Merchants() []Merchant {
	var found []Merchant
	for _, channel := range channels {
		if merchant, isThere := merchantOf(a, channel); isThere {
			found = append(found, merchant)
		}
	}
	return found
}

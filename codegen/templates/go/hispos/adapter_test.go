package hispos

import (
	"errors"
	"testing"
)

// scripted is payment code that answers every question alike.
type scripted struct {
	Adapter
	answer func(ask *Ask) (*PlatformAnswer, error)
}

func (scripted) Profile() Profile { return ProfileWechatV2 }

func (s scripted) Pay(ask *Ask) (*PlatformAnswer, error) { return s.answer(ask) }

func carriedOut(answer func(ask *Ask) (*PlatformAnswer, error)) Answer {
	now := int64(100)
	clock := func() int64 { now++; return now }
	return CarryOut(scripted{answer: answer}, Ask{ID: 7, Call: PlatformCallPay, Number: "n", Total: 5}, clock)
}

func TestWhateverPaymentCodeDoesOneVerdictComesAndItNeverSaysTooMuch(t *testing.T) {
	first := int64(50)
	for name, item := range map[string]struct {
		answer    func(ask *Ask) (*PlatformAnswer, error)
		proof     Proof
		firstByte int64
	}{
		"a panic": {func(*Ask) (*PlatformAnswer, error) { panic("a fault") }, ProofOpen, 101},
		"another error": {
			func(*Ask) (*PlatformAnswer, error) { return nil, errors.New("a fault") }, ProofOpen, 101,
		},
		"nothing":           {func(*Ask) (*PlatformAnswer, error) { return nil, nil }, ProofOpen, 101},
		"no byte was sent":  {func(*Ask) (*PlatformAnswer, error) { return nil, &NoAnswer{Ended: 60} }, ProofOpen, 0},
		"no answer in time": {func(*Ask) (*PlatformAnswer, error) { return nil, &NoAnswer{&first, 60, nil} }, ProofOpen, 50},
		"another number": {func(*Ask) (*PlatformAnswer, error) {
			number := "other"
			return &PlatformAnswer{Reply{Code: "SUCCESS", Number: &number}, 1, 50, 60}, nil
		}, ProofOpen, 50},
		"captured": {func(*Ask) (*PlatformAnswer, error) {
			number, fen := "n", int64(5)
			return &PlatformAnswer{Reply{Code: "SUCCESS", Number: &number, Total: &fen, PaymentNo: &number}, 1, 50, 60}, nil
		}, ProofCaptured, 50},
	} {
		got := carriedOut(item.answer)
		told := int64(0)
		if got.FirstByte != nil {
			told = *got.FirstByte
		}
		if got.ID != 7 || got.Proof != item.proof || told != item.firstByte || got.Answered != (got.Proof != ProofOpen) {
			t.Errorf("%s: %+v, first byte %d", name, got, told)
		}
	}
}

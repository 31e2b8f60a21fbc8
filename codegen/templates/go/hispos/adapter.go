package hispos

import "fmt"

// The interface for a vendor's own payment code: answers come in, verdicts go out (payment).

// PlatformAnswer is a whole answer whose signature and binding to its request were checked.
type PlatformAnswer struct {
	Reply Reply
	// Unix seconds of the platform's clock, 0 without them.
	Date uint64
	// Instants.
	FirstByte, Ended int64
}

// NoAnswer: no answer that can be trusted. The connection failed, was cut off, came too late, or nobody signed it.
type NoAnswer struct {
	// Nil only if it is certain that no byte was handed to the network (PAY-12).
	FirstByte *int64
	Ended     int64
	Why       error
}

func (n *NoAnswer) Error() string { return fmt.Sprintf("no answer: %v", n.Why) }

func (n *NoAnswer) Unwrap() error { return n.Why }

// Adapter is one platform, written by the vendor. It knows the platform's dialect and no money rule: when to ask,
// whether to reverse and what a result says is decided by the link.
//
// Each method writes one request on a connection of its own, at most once, and none from ask.NotAfter on; it gives the
// connection up after ask.Connect and ask.HTTP milliseconds (PAY-3 to PAY-9). Its error is a *NoAnswer.
type Adapter interface {
	// Profile is the table by which its answers are judged.
	Profile() Profile
	// Verify tells whether the credentials are right, also those of reverses and refunds (PAY-34).
	Verify(ask *Ask) (*PlatformAnswer, error)
	// Query tells what became of ask.Number.
	Query(ask *Ask) (*PlatformAnswer, error)
	// Pay takes ask.Total with ask.Code, until ask.ExpiresAt (PAY-71).
	Pay(ask *Ask) (*PlatformAnswer, error)
	// Reverse closes ask.Number, or gives everything back.
	Reverse(ask *Ask) (*PlatformAnswer, error)
	// Refund gives ask.Fen of ask.Number back, under ask.RefundNumber.
	Refund(ask *Ask) (*PlatformAnswer, error)
	// QueryRefund tells what became of ask.RefundNumber.
	QueryRefund(ask *Ask) (*PlatformAnswer, error)
}

// CarryOut asks a question and gives exactly one verdict, whatever happens (PAY-10); clock is the boot clock. It blocks,
// so call it in a goroutine of its own.
func CarryOut(adapter Adapter, ask Ask, clock func() int64) (verdict Answer) {
	began := clock()
	open := func(firstByte *int64, ended int64) Answer {
		return Answer{ID: ask.ID, Proof: ProofOpen, FirstByte: firstByte, Ended: ended}
	}
	defer func() {
		if recover() != nil {
			// What a program with a fault has written is not known: the earliest instant stands for the first byte.
			verdict = open(&began, clock())
		}
	}()
	given, err := askOf(adapter, &ask)
	if none, isNone := err.(*NoAnswer); isNone {
		return open(none.FirstByte, none.Ended)
	}
	if err != nil || given == nil {
		return open(&began, clock())
	}
	verdict = Answer{
		ID: ask.ID, Date: given.Date, FirstByte: &given.FirstByte, Ended: given.Ended, Answered: true,
	}
	if Judge(adapter.Profile(), &ask, &given.Reply, &verdict) != nil {
		return open(&given.FirstByte, given.Ended)
	}
	return verdict
}

func askOf(adapter Adapter, ask *Ask) (*PlatformAnswer, error) {
	switch ask.Call {
	case PlatformCallVerify:
		return adapter.Verify(ask)
	case PlatformCallQuery:
		return adapter.Query(ask)
	case PlatformCallPay:
		return adapter.Pay(ask)
	case PlatformCallReverse:
		return adapter.Reverse(ask)
	case PlatformCallRefund:
		return adapter.Refund(ask)
	case PlatformCallQueryRefund:
		return adapter.QueryRefund(ask)
	}
	return nil, fmt.Errorf("no platform call %d", ask.Call)
}

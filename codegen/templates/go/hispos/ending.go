package hispos

import pb "hispos-client/internal/messages"

// The end of an order at its POS: a signed result.

type end struct {
	outcome    pb.Outcome
	status     pb.Status
	capture    Capture
	refundID   string
	refundedAt uint64
}

func paid(isAfterCancel bool, capture Capture) end {
	status := pb.Status_STATUS_PAID
	if isAfterCancel {
		status = pb.Status_STATUS_PAID_AFTER_CANCEL
	}
	return end{outcome: pb.Outcome_OUTCOME_PAID, status: status, capture: capture}
}

func notPaid(status pb.Status) end { return end{outcome: pb.Outcome_OUTCOME_NOT_PAID, status: status} }

func attention(status pb.Status) end { return end{outcome: pb.Outcome_OUTCOME_ATTENTION, status: status} }

func notRefunded(status pb.Status) end {
	return end{outcome: pb.Outcome_OUTCOME_NOT_REFUNDED, status: status}
}

// end stores the signed result, and has it reported.
func (l *life) end(end end, clock instant, effects *effects) {
	result := l.resultOf(end, clock)
	l.row.Result = encode(result)
	l.row.Signature = l.context.crypto.Sign(l.context.seed, signedMessage(LabelResult, l.row.Result))
	l.row.Answered = 0
	l.code, l.isLooking = "", false
	l.enter(pb.PosState_POS_STATE_ENDED, clock.now, effects)
	effects.later(Ended{l.core.OrderNo, result})
	effects.later(reportNow{l.core.OrderNo})
}

func (l *life) resultOf(end end, clock instant) *pb.ResultCore {
	result := &pb.ResultCore{
		OrderHash: l.hash, OrderNo: l.core.OrderNo, DeviceId: l.context.deviceID, Outcome: end.outcome,
		Status: end.status, Amount: l.core.Amount, Channel: l.row.Attempt.GetChannel(), DecidedAt: clock.unix,
		PaymentNo: end.capture.PaymentNo, CapturedAt: end.capture.CapturedAt, RefundId: end.refundID,
	}
	isPaid := end.outcome == pb.Outcome_OUTCOME_PAID
	if original := l.core.RefundOf; original != nil {
		result.Channel, result.PaymentNo, result.CapturedAt = original.Channel, original.PaymentNo, end.refundedAt
	} else if isPaid {
		for _, item := range l.evidence {
			if item.hasMoney() {
				result.Channel = item.merchant.Channel
				break
			}
		}
	}
	if !isPaid {
		result.ProviderCode = l.providerCode[:min(len(l.providerCode), LimitProviderCodeBytesMax)]
	}
	for _, item := range l.evidence {
		if end.outcome == pb.Outcome_OUTCOME_ATTENTION && item.hasMoney() && len(result.Found) < 2 {
			result.Found = append(result.Found, &pb.FoundCapture{
				Channel: item.merchant.Channel, PaymentNo: item.capture.PaymentNo, Amount: item.capture.Fen,
				CapturedAt: item.capture.CapturedAt,
			})
		}
	}
	return result
}

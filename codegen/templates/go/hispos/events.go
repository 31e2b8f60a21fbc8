package hispos

import pb "hispos-client/internal/messages"

// What the links of both ends say.

// Event is one of a link, such as Up, Ready, Progress, Accepted, OrderEnded, Down, Alarm or Notice.
type Event any

// Up: there is a session with a terminal, or with a device.
type Up struct{ Peer string }

// Ready: the session is past Sync: orders can be made.
type Ready struct{}

// Progress is how far an order is; never its end (MSG-32).
type Progress struct {
	OrderNo     string
	Stage       pb.Stage
	SecondsLeft uint32
}

// Down: there is no session: open orders are unknown, never failed (ORD-79).
type Down struct{}

// Alarm is what people have to know; the number may be empty.
type Alarm struct{ What, OrderNo string }

// Why a command is refused, as the driver interface names it.
const (
	ReasonNoSession    = "no_session"
	ReasonUnknownOrder = "unknown_order"
	ReasonLeased       = "leased"
	ReasonBillBusy     = "bill_busy"
	ReasonBillCaptured = "bill_captured"
	ReasonOrphan       = "orphan"
	ReasonRestoring    = "restoring"
	ReasonExceeds      = "exceeds"
	ReasonItemBusy     = "item_busy"
	ReasonTooSoon      = "too_soon"
	ReasonNoOrderWaits = "no_order_waits"
	ReasonOther        = "other"
)

// Refusal is an order or a decision that is not made; nothing was stored.
type Refusal struct{ Reason, Text string }

func (r Refusal) Error() string { return r.Text }

package hispos

import pb "hispos-client/internal/messages"

// What the links of both ends say.

// Event is one of a link: Ready, Progress, OrderEnded, Rejected, Down or Notice.
type Event any

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

// Refusal is an order that is not made; nothing was stored.
type Refusal string

func (r Refusal) Error() string { return string(r) }

package hispos

import (
	"maps"
	"slices"

	pb "hispos-client/internal/messages"
)

// Open requests of the HIS (messages, sections "Call numbers", "Open calls" and "Repeats").

var requestGaps = []int64{TimerRequestRepeat1, TimerRequestRepeat2, TimerRequestRepeat3, TimerRequestRepeat4}

// call is an open request.
type call struct {
	message *pb.Message
	orderNo string
	// That of the order that it asks about, 0 without one.
	state     pb.HisState
	firstSent int64
	due       int64
	gaps      int
	isDropped bool
	droppedAt int64
}

// calls are those of one session.
type calls struct {
	next uint32
	open map[uint32]*call
	// Requests for which no call is free.
	waiting []call
}

func (c *calls) hasRoom() bool { return len(c.open) < LimitOpenCallsMax }

// make opens a call, or lets the request wait for a free one and gives nil.
func (c *calls) make(message *pb.Message, orderNo string, state pb.HisState, now int64) *call {
	made := &call{message: message, orderNo: orderNo, state: state, firstSent: now, due: now + requestGaps[0]}
	if !c.hasRoom() {
		c.waiting = append(c.waiting, *made)
		return nil
	}
	message.Call = c.next
	c.open[c.next] = made
	c.next++
	return made
}

func (c *calls) inOrder() []*call {
	var found []*call
	for _, number := range slices.Sorted(maps.Keys(c.open)) {
		found = append(found, c.open[number])
	}
	return found
}

// repeats gives the calls that are due, and sets when they are due again.
func (c *calls) repeats(now int64) []*call {
	var due []*call
	for _, item := range c.inOrder() {
		if !item.isDropped && now >= item.due {
			item.gaps = min(item.gaps+1, len(requestGaps)-1)
			item.due = now + requestGaps[item.gaps]
			due = append(due, item)
		}
	}
	return due
}

// forgetLost: a dropped call whose answer does not come for 25 s is taken for lost.
func (c *calls) forgetLost(now int64) {
	maps.DeleteFunc(c.open, func(_ uint32, item *call) bool {
		return item.isDropped && now >= item.droppedAt+TimerSilent
	})
}

// answered gives the call that an answer ends; dropped ones that were handled before it end with it.
func (c *calls) answered(number uint32) *call {
	ended := c.open[number]
	if ended == nil {
		return nil
	}
	delete(c.open, number)
	maps.DeleteFunc(c.open, func(_ uint32, item *call) bool {
		return item.isDropped && ended.firstSent >= item.droppedAt
	})
	if ended.isDropped {
		return nil
	}
	return ended
}

// drop takes the requests about an order back.
func (c *calls) drop(orderNo string, now int64) {
	for _, item := range c.open {
		if item.orderNo == orderNo && !item.isDropped {
			item.isDropped, item.droppedAt = true, now
		}
	}
	c.waiting = slices.DeleteFunc(c.waiting, func(item call) bool { return item.orderNo == orderNo })
}

// asks tells whether an order is asked about.
func (c *calls) asks(orderNo string) bool {
	for _, item := range c.open {
		if item.orderNo == orderNo && !item.isDropped {
			return true
		}
	}
	return slices.ContainsFunc(c.waiting, func(item call) bool { return item.orderNo == orderNo })
}

// wouldSubmit tells whether an order's SubmitOrder is due, or waits for a free call.
func (c *calls) wouldSubmit(orderNo string, now int64) bool {
	for _, item := range c.open {
		if item.message.GetSubmitOrder() != nil && item.orderNo == orderNo && !item.isDropped && now >= item.due {
			return true
		}
	}
	return slices.ContainsFunc(c.waiting, func(item call) bool {
		return item.orderNo == orderNo && item.message.GetSubmitOrder() != nil
	})
}

func (c *calls) hasPing() bool {
	return c.has(func(message *pb.Message) bool { return message.GetPing() != nil })
}

func (c *calls) hasList() bool {
	return c.has(func(message *pb.Message) bool { return message.GetListOrders() != nil })
}

// has tells whether a request of a kind is open, or waits for a free call.
func (c *calls) has(is func(*pb.Message) bool) bool {
	for _, item := range c.open {
		if is(item.message) {
			return true
		}
	}
	return slices.ContainsFunc(c.waiting, func(item call) bool { return is(item.message) })
}

// times are the instants at which something is due.
func (c *calls) times() []int64 {
	var found []int64
	for _, item := range c.open {
		if item.isDropped {
			found = append(found, item.droppedAt+TimerSilent)
		} else {
			found = append(found, item.due)
		}
	}
	return found
}

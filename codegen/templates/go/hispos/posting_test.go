package hispos

import "testing"

// collected is a window whose order is paid and not posted, as the conversation of a whole collect leaves it.
func collected(t *testing.T) (*hisConversation, string) {
	t.Helper()
	file := loadVectors(t, "conversations.json")
	for _, item := range file.objects("cases") {
		if item.text("side") != "his" || item.text("comment") != "a whole collect" {
			continue
		}
		play := &hisConversation{site: file.object("site"), item: item, memory: &slowMemory{}}
		if err := play.run(); err != nil {
			t.Fatal(err)
		}
		play.link.Closed(play.now)
		for event := play.link.PollEvent(); event != nil; event = play.link.PollEvent() {
			if ended, isEnd := event.(OrderEnded); isEnd {
				return play, ended.OrderNo
			}
		}
	}
	t.Fatal("no such conversation")
	return nil, ""
}

// alarmsAt lets the link do what is due at a Unix time, and gives its alarms.
func (c *hisConversation) alarmsAt(unix uint64) []Alarm {
	c.now += 1000 * int64(unix-c.unix())
	c.link.OnTimer(c.now)
	var found []Alarm
	for event := c.link.PollEvent(); event != nil; event = c.link.PollEvent() {
		if alarm, isAlarm := event.(Alarm); isAlarm {
			found = append(found, alarm)
		}
	}
	return found
}

func TestAnOrderThatIsUnpostedForHalfAnHourIsOneAlarm(t *testing.T) {
	play, number := collected(t)
	late := play.link.Ledger.Order(number).EndedAt + 1800
	if found := play.alarmsAt(late - 1); len(found) != 0 {
		t.Error("too early:", found)
	}
	if due, isSet := play.link.NextTimer(); !isSet || due != play.now+1000 {
		t.Errorf("it is due at %d, and now is %d", due, play.now)
	}
	if found := play.alarmsAt(late); len(found) != 1 || found[0] != (Alarm{AlarmUnposted, number}) {
		t.Error("not told:", found)
	}
	if found := play.alarmsAt(late + 86_400); len(found) != 0 {
		t.Error("told again:", found)
	}
}

func TestAPostedOrderIsNoAlarmAndIsNotHandedOverAgain(t *testing.T) {
	play, number := collected(t)
	ledger := play.link.Ledger
	if unposted := ledger.Unposted(); len(unposted) != 1 || unposted[0] != number {
		t.Error("unposted:", unposted)
	}
	for range 2 {
		if err := ledger.MarkPosted(number); err != nil {
			t.Fatal(err)
		}
	}
	if unposted := ledger.Unposted(); len(unposted) != 0 {
		t.Error("unposted:", unposted)
	}
	if found := play.alarmsAt(ledger.Order(number).EndedAt + 86_400); len(found) != 0 {
		t.Error(found)
	}
}

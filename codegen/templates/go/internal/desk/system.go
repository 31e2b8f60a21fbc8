package desk

import (
	"crypto/rand"
	"time"
)

// Draw gives random bytes of the operating system.
func Draw(length int) []byte {
	drawn := make([]byte, length)
	if _, err := rand.Read(drawn); err != nil {
		panic(err)
	}
	return drawn
}

// Unix is the calendar clock.
func Unix() uint64 { return uint64(time.Now().Unix()) }

package hispos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	epochBits        = 16
	recordHeader     = 5
	recordTag        = 16
	recordBodyMin    = recordHeader + 1 + recordTag
	recordBodyMax    = recordHeader + LimitPlaintextBytesMax + recordTag
	counterEnd       = math.MaxUint32
	dropSize         = "size"
	dropStale        = "stale"
	dropReplayed     = "replayed"
	dropForged       = "forged"
	dropHandshake    = "handshake"
	dropAlert        = "alert"
	nothingOpenedYet = -1
)

// dropped is a record or message that is dropped, under its name in the list of drops.
type dropped struct{ name string }

func (d dropped) Error() string { return d.name }

// errExhausted: the counters of a session are used up, and it ends without an alert (REC-6).
var errExhausted = errors.New("the counters are used up")

// epochKeys are those of one epoch of one direction (records, section "Keys of an epoch").
type epochKeys struct {
	epoch           uint32
	secret, key, iv []byte
}

func newEpochKeys(epoch uint32, secret []byte) epochKeys {
	return epochKeys{
		epoch:  epoch,
		secret: secret,
		key:    expandLabel(secret, LabelKey, nil, 32),
		iv:     expandLabel(secret, LabelIv, nil, 12),
	}
}

func (k epochKeys) next() epochKeys {
	return newEpochKeys(k.epoch+1, expandLabel(k.secret, LabelUpdate, nil, 32))
}

func (k epochKeys) erase() {
	clear(k.secret)
	clear(k.key)
	clear(k.iv)
}

func recordNonce(iv []byte, counter uint32) []byte {
	nonce := append([]byte(nil), iv...)
	last := nonce[len(nonce)-4:]
	binary.BigEndian.PutUint32(last, binary.BigEndian.Uint32(last)^counter)
	return nonce
}

func recordAad(kind, tag byte, counter uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind, tag}, counter)
}

// sealer seals the records of one direction of a session.
type sealer struct {
	crypto    Crypto
	kind, tag byte
	keys      epochKeys
	// The counter of the next record.
	counter uint64
}

// seal gives the body of the next record; its counter is used up (REC-3).
func (s *sealer) seal(plaintext []byte) ([]byte, error) {
	if len(plaintext) < 1 || len(plaintext) > LimitPlaintextBytesMax {
		return nil, fmt.Errorf("a plaintext of %d bytes", len(plaintext))
	}
	if s.counter >= counterEnd {
		return nil, errExhausted
	}
	counter := uint32(s.counter)
	s.counter++
	for s.keys.epoch < counter>>epochBits {
		next := s.keys.next()
		s.keys.erase()
		s.keys = next
	}
	aad := recordAad(s.kind, s.tag, counter)
	sealed := s.crypto.Seal(s.keys.key, recordNonce(s.keys.iv, counter), aad, plaintext)
	return append(aad[1:], sealed...), nil
}

// opener opens the records of one direction of a session.
type opener struct {
	crypto    Crypto
	kind, tag byte
	keys      epochKeys
	// The counter of the last record that opened, or nothingOpenedYet.
	last int64
}

// open gives the plaintext (REC-11 to REC-18), or dropped, and then nothing has changed.
func (o *opener) open(body []byte) ([]byte, error) {
	if len(body) < recordBodyMin || len(body) > recordBodyMax {
		return nil, dropped{dropSize}
	}
	if body[0] != o.tag {
		return nil, dropped{dropStale}
	}
	counter := binary.BigEndian.Uint32(body[1:])
	if int64(counter) <= o.last {
		return nil, dropped{dropReplayed}
	}
	keys := o.keys
	switch counter >> epochBits {
	case keys.epoch:
	case keys.epoch + 1:
		keys = keys.next()
	default:
		return nil, dropped{dropForged}
	}
	aad := recordAad(o.kind, o.tag, counter)
	plaintext, err := o.crypto.Open(keys.key, recordNonce(keys.iv, counter), aad, body[recordHeader:])
	if err != nil {
		return nil, dropped{dropForged}
	}
	if keys.epoch != o.keys.epoch {
		o.keys.erase()
	}
	o.keys, o.last = keys, int64(counter)
	return plaintext, nil
}

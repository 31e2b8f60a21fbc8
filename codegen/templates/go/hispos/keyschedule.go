package hispos

import "encoding/binary"

var zeroKey = make([]byte, 32)

// extract is HKDF-Extract.
func extract(salt, keyMaterial []byte) []byte { return hmacOf(salt, keyMaterial) }

// labelInfo is what HKDF-Expand gets for a label.
func labelInfo(label string, context []byte, length int) []byte {
	name := LabelLabelPrefix + label
	info := append([]byte{byte(length >> 8), byte(length), byte(len(name))}, name...)
	return append(append(info, byte(len(context))), context...)
}

// expandLabel is HKDF-Expand with a label; length is at most 32.
func expandLabel(secret []byte, label string, context []byte, length int) []byte {
	return hmacOf(secret, labelInfo(label, context, length), []byte{1})[:length]
}

// transcript is what was said, in eight elements (KEX-17). hashes[n] is THn; hashes[0] is T0 itself.
type transcript struct {
	said   []byte
	hashes [][]byte
}

func newTranscript(agreementHash []byte) *transcript {
	prologue := append([]byte(LabelProtocol), 0, 0)
	prologue = binary.BigEndian.AppendUint16(prologue, uint16(len(agreementHash)))
	prologue = append(prologue, agreementHash...)
	said := append([]byte{byte(len(prologue))}, prologue...)
	return &transcript{said: said, hashes: [][]byte{said[:len(said):len(said)]}}
}

// add takes the next element as it travelled, and gives the hash of all.
func (t *transcript) add(element []byte) []byte {
	t.said = append(t.said, byte(len(t.hashes)))
	t.said = binary.BigEndian.AppendUint32(t.said, uint32(len(element)))
	t.said = append(t.said, element...)
	t.hashes = append(t.hashes, sha256Of(t.said))
	return t.hashes[len(t.hashes)-1]
}

// keySchedule holds the secrets of one exchange. Each step needs the transcript up to its place.
type keySchedule struct {
	transcript                           *transcript
	shared, prk1                         []byte
	handshakePos, keyPos, ivPos, finPos  []byte
	handshakeHis, keyHis, ivHis          []byte
	prk2, finHis, appHis, appPos, tagRaw []byte
}

func newKeySchedule(agreementHash, m1 []byte) *keySchedule {
	schedule := &keySchedule{transcript: newTranscript(agreementHash)}
	schedule.transcript.add(m1)
	return schedule
}

// hello gives TH2 and the secrets of the handshake.
func (k *keySchedule) hello(hello, shared []byte) {
	th2 := k.transcript.add(hello)
	k.shared = shared
	k.prk1 = extract(zeroKey, shared)
	k.handshakePos = expandLabel(k.prk1, LabelHandshakePos, th2, 32)
	k.keyPos = expandLabel(k.handshakePos, LabelKey, nil, 32)
	k.ivPos = expandLabel(k.handshakePos, LabelIv, nil, 12)
	k.finPos = expandLabel(k.handshakePos, LabelFinished, nil, 32)
	k.handshakeHis = expandLabel(k.prk1, LabelHandshakeHis, th2, 32)
	k.keyHis = expandLabel(k.handshakeHis, LabelKey, nil, 32)
	k.ivHis = expandLabel(k.handshakeHis, LabelIv, nil, 12)
}

// confirmPos confirms the POS: behind TH4.
func (k *keySchedule) confirmPos() []byte { return hmacOf(k.finPos, k.transcript.hashes[4]) }

// second is the second extraction: behind TH5.
func (k *keySchedule) second() {
	th5 := k.transcript.hashes[5]
	k.prk2 = extract(expandLabel(k.prk1, LabelDerived, th5, 32), zeroKey)
	k.finHis = expandLabel(k.prk2, LabelFinishedHis, th5, 32)
}

// confirmHis confirms the HIS: behind TH7.
func (k *keySchedule) confirmHis() []byte { return hmacOf(k.finHis, k.transcript.hashes[7]) }

// application gives the secrets of the records and their tag: behind TH8.
func (k *keySchedule) application() {
	th8 := k.transcript.hashes[8]
	k.appHis = expandLabel(k.prk2, LabelApplicationHis, th8, 32)
	k.appPos = expandLabel(k.prk2, LabelApplicationPos, th8, 32)
	k.tagRaw = expandLabel(k.prk2, LabelTag, th8, 1)
}

// secrets are all of them by their names in the chapter; those of records live on in a session.
func (k *keySchedule) secrets() map[string][]byte {
	return map[string][]byte{
		"ss": k.shared, "prk1": k.prk1, "hs_p": k.handshakePos, "key_p": k.keyPos, "iv_p": k.ivPos, "fin_p": k.finPos,
		"hs_h": k.handshakeHis, "key_h": k.keyHis, "iv_h": k.ivHis, "prk2": k.prk2, "fin_h": k.finHis,
		"ap_h": k.appHis, "ap_p": k.appPos, "tag": k.tagRaw,
	}
}

// erase overwrites every secret but those of the records (KEX-20, KEX-21).
func (k *keySchedule) erase() {
	for name, secret := range k.secrets() {
		if name != "ap_h" && name != "ap_p" && name != "tag" {
			clear(secret)
		}
	}
}

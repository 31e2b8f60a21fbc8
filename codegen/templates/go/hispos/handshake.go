package hispos

import (
	"bytes"
	"errors"
	"slices"

	pb "hispos-client/internal/messages"
)

// The key exchange of both ends, without time: M1, M2, M3 and what they prove (key exchange). Repetition, waits and
// candidates are the session's; here one exchange is played or refused.

const (
	protocolVersion = 1
	suite1          = 0x0001
	nonceBytes      = 16
	shareBytes      = 32
	agreementBytes  = 8
)

var groupOfSuite = map[uint32]uint32{suite1: 1}

// Draw gives random bytes of the operating system (KEX-6); tests give them from outside.
type Draw func(length int) []byte

// errNotOpened: an M2 that does not open, which a notice counts.
var errNotOpened = dropped{"M2 does not open"}

// refused is a message that a plain alert answers; why is for the local log alone (KEX-61).
type refused struct {
	code pb.AlertCode
	why  string
}

func (r refused) Error() string { return r.why }

// End is what an end takes part with (key exchange, section "What an end holds").
type End struct {
	Crypto     Crypto
	ID         string
	SigningKey []byte
	// Public keys of the peers by their ids (KEX-2).
	Registry map[string][]byte
	Versions []uint32
	Suites   []uint32
}

// NewEnd is an end of this version.
func NewEnd(crypto Crypto, id string, signingKey []byte, registry map[string][]byte) *End {
	return &End{crypto, id, signingKey, registry, []uint32{protocolVersion}, []uint32{suite1}}
}

// with is the same end with another registry.
func (e *End) with(registry map[string][]byte) *End {
	other := *e
	other.Registry = registry
	return &other
}

// restricted is the same end under an agreement: what it lists and the end knows, in the agreement's order (KEX-4).
func (e *End) restricted(terms Terms) *End {
	both := *e
	both.Versions = known(terms.Versions, e.Versions)
	both.Suites = known(terms.Suites, e.Suites)
	return &both
}

func known(listed, mine []uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(listed), func(item uint32) bool { return !slices.Contains(mine, item) })
}

func (e *End) publicKey() []byte { return e.Crypto.Ed25519Public(e.SigningKey) }

func (e *End) identity() []byte {
	return encode(&pb.Identity{Id: []byte(e.ID), PublicKey: e.publicKey()})
}

// keys are what an exchange leaves: secrets and tag of the records, and who the peer is.
type keys struct {
	appHis, appPos []byte
	tag            byte
	peer           string
	agreementHash  []byte
}

// extension is one of a hello.
type extension struct {
	id   uint32
	data []byte
}

// initiator is the HIS in one attempt.
type initiator struct {
	end            *End
	device         string
	agreementHash  []byte
	nonce, private []byte
	m1             []byte
	schedule       *keySchedule
}

// newInitiator: device is the one that is bound to the desk (KEX-58). It draws a nonce and a private key (KEX-8).
func newInitiator(end *End, device string, agreementHash []byte, draw Draw) (*initiator, error) {
	i := &initiator{end: end, device: device, agreementHash: agreementHash}
	i.nonce, i.private = draw(nonceBytes), draw(shareBytes)
	share, err := end.Crypto.X25519Public(i.private)
	if err != nil {
		return nil, err
	}
	i.offer([]*pb.KeyShare{{Group: 1, Key: share}}, nil)
	return i, nil
}

// offer makes M1; version 1 has one share and no extension.
func (i *initiator) offer(shares []*pb.KeyShare, extensions []extension) {
	hello := &pb.HisHello{
		Versions:   i.end.Versions,
		Suites:     i.end.Suites,
		Nonce:      i.nonce,
		Shares:     shares,
		Agreement:  i.agreementHash[:agreementBytes],
		Extensions: asMessages(extensions),
	}
	i.m1 = append([]byte(LabelM1Magic), encode(hello)...)
}

func asMessages(extensions []extension) []*pb.Extension {
	var found []*pb.Extension
	for _, item := range extensions {
		found = append(found, &pb.Extension{Id: item.id, Data: item.data})
	}
	return found
}

// takeM2 takes the steps of "Receiving M2" behind KEX-40, and gives M3 and the keys. It is dropped, or refused with 40
// if no M3 is out (KEX-46).
func (i *initiator) takeM2(body []byte) ([]byte, *keys, error) {
	reply, shared, err := i.openHello(body)
	if err != nil {
		return nil, nil, dropped{err.Error()}
	}
	schedule := newKeySchedule(i.agreementHash, i.m1)
	schedule.hello(reply.Hello, shared)
	hashes := schedule.transcript.hashes
	opened, err := i.end.Crypto.Open(schedule.keyPos, schedule.ivPos, hashes[2], reply.Sealed)
	if err != nil {
		return nil, nil, errNotOpened
	}
	peer, err := authenticate(i.end, schedule, opened, LabelAuthPos, schedule.confirmPos, i.device)
	if err != nil {
		return nil, nil, err
	}
	schedule.second()
	auth := ownAuth(i.end, schedule, LabelAuthHis, schedule.confirmHis)
	m3 := i.end.Crypto.Seal(schedule.keyHis, schedule.ivHis, schedule.transcript.hashes[5], auth)
	i.schedule = schedule
	return m3, keysOf(schedule, peer, i.agreementHash), nil
}

func (i *initiator) openHello(body []byte) (*pb.PosReply, []byte, error) {
	var reply pb.PosReply
	var hello pb.PosHello
	if len(body) > LimitM1BytesMax {
		return nil, nil, errors.New("M2 is too long")
	}
	if err := parseStrict(body, &reply); err != nil {
		return nil, nil, err
	}
	if err := parseStrict(reply.Hello, &hello); err != nil {
		return nil, nil, err
	}
	isOffered := slices.Contains(i.end.Versions, hello.Version) && slices.Contains(i.end.Suites, hello.Suite)
	switch {
	case !extensionsAscend(hello.Extensions):
		return nil, nil, errors.New("extensions do not ascend")
	case !isOffered || groupOfSuite[hello.Suite] == 0:
		return nil, nil, errors.New("a version or suite that M1 did not offer")
	case len(hello.Share) != shareBytes:
		return nil, nil, errors.New("a share of another length")
	}
	shared, err := i.end.Crypto.X25519(i.private, hello.Share)
	return &reply, shared, err
}

func extensionsAscend(extensions []*pb.Extension) bool {
	for at := 1; at < len(extensions); at++ {
		if extensions[at-1].Id >= extensions[at].Id {
			return false
		}
	}
	return true
}

// erase forgets every secret of the attempt.
func (i *initiator) erase() {
	clear(i.private)
	if i.schedule != nil {
		i.schedule.erase()
	}
}

// responder is the POS with one candidate.
type responder struct {
	end *End
	// The serving agreements (KEX-1), and the end under each (KEX-4).
	terms         []Terms
	draw          Draw
	admits        func() bool
	extensions    []extension
	agreementHash []byte
	schedule      *keySchedule
}

// takeM1 takes the steps of "Receiving M1" that need no time, and gives M2. It is refused with the alert that answers,
// or dropped if it is not admitted, which is asked at the place of KEX-32.
func (r *responder) takeM1(body []byte) ([]byte, error) {
	hello, err := openM1(body)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(r.terms, func(terms Terms) bool {
		return bytes.Equal(terms.Hash[:agreementBytes], hello.Agreement)
	})
	if at < 0 {
		return nil, refused{pb.AlertCode_ALERT_CODE_AGREEMENT, "the agreement is not held"}
	}
	end := r.end.restricted(r.terms[at])
	versions, suites := known(hello.Versions, end.Versions), known(hello.Suites, end.Suites)
	suites = slices.DeleteFunc(suites, func(suite uint32) bool { return groupOfSuite[suite] == 0 })
	switch {
	case len(versions) == 0:
		return nil, refused{pb.AlertCode_ALERT_CODE_VERSION, "no common version"}
	case len(suites) == 0:
		return nil, refused{pb.AlertCode_ALERT_CODE_SUITE, "no common suite"}
	case r.admits != nil && !r.admits():
		return nil, dropped{"too many candidates"}
	}
	suite, share, err := chooseShare(suites, hello.Shares)
	if err != nil {
		return nil, err
	}
	// A share of zero is refused before the nonce is of any use: the draws have their order all the same (KEX-9).
	nonce, private := r.draw(nonceBytes), r.draw(shareBytes)
	defer clear(private)
	shared, err := r.end.Crypto.X25519(private, share)
	if err != nil {
		return nil, refused{pb.AlertCode_ALERT_CODE_ILLEGAL_PARAMETER, "a shared secret of zero"}
	}
	own, err := r.end.Crypto.X25519Public(private)
	if err != nil {
		return nil, dropped{err.Error()}
	}
	answer := &pb.PosHello{
		Version: slices.Max(versions), Suite: suite, Nonce: nonce, Share: own, Extensions: asMessages(r.extensions),
	}
	r.agreementHash = r.terms[at].Hash
	return r.reply(body, encode(answer), shared), nil
}

func (r *responder) reply(m1, hello, shared []byte) []byte {
	schedule := newKeySchedule(r.agreementHash, m1)
	schedule.hello(hello, shared)
	auth := ownAuth(r.end, schedule, LabelAuthPos, schedule.confirmPos)
	sealed := r.end.Crypto.Seal(schedule.keyPos, schedule.ivPos, schedule.transcript.hashes[2], auth)
	schedule.second()
	r.schedule = schedule
	return encode(&pb.PosReply{Hello: hello, Sealed: sealed})
}

func openM1(body []byte) (*pb.HisHello, error) {
	inner, hasMagic := bytes.CutPrefix(body, []byte(LabelM1Magic))
	if len(body) > LimitM1BytesMax || !hasMagic {
		return nil, refused{pb.AlertCode_ALERT_CODE_DECODE_ERROR, "size or magic"}
	}
	var hello pb.HisHello
	if err := parseStrict(inner, &hello); err != nil {
		return nil, refused{pb.AlertCode_ALERT_CODE_DECODE_ERROR, err.Error()}
	}
	groups := map[uint32]bool{}
	for _, share := range hello.Shares {
		groups[share.Group] = true
	}
	if len(groups) != len(hello.Shares) || !extensionsAscend(hello.Extensions) {
		return nil, refused{pb.AlertCode_ALERT_CODE_DECODE_ERROR, "shares of one group, or extensions that do not ascend"}
	}
	return &hello, nil
}

func chooseShare(suites []uint32, shares []*pb.KeyShare) (uint32, []byte, error) {
	for _, suite := range suites {
		for _, share := range shares {
			if share.Group != groupOfSuite[suite] {
				continue
			}
			if len(share.Key) != shareBytes {
				return 0, nil, refused{pb.AlertCode_ALERT_CODE_ILLEGAL_PARAMETER, "a key share of another length"}
			}
			return suite, share.Key, nil
		}
	}
	return 0, nil, refused{pb.AlertCode_ALERT_CODE_ILLEGAL_PARAMETER, "no key share for a common suite"}
}

// takeM3 takes the steps of "Receiving M3" behind KEX-51, and gives the keys: the POS commits. It is dropped, or
// refused with 40, after which the candidate is gone (KEX-53), or 93 without a candidate.
func (r *responder) takeM3(body []byte) (*keys, error) {
	if len(body) > LimitM3BytesMax {
		return nil, dropped{"M3 is too long"}
	}
	schedule := r.schedule
	if schedule == nil {
		return nil, refused{pb.AlertCode_ALERT_CODE_NO_HANDSHAKE, "no candidate"}
	}
	opened, err := r.end.Crypto.Open(schedule.keyHis, schedule.ivHis, schedule.transcript.hashes[5], body)
	if err != nil {
		return nil, dropped{"M3 does not open"}
	}
	peer, err := authenticate(r.end, schedule, opened, LabelAuthHis, schedule.confirmHis, "")
	if err != nil {
		return nil, err
	}
	return keysOf(schedule, peer, r.agreementHash), nil
}

// erase forgets every secret of the candidate.
func (r *responder) erase() {
	if r.schedule != nil {
		r.schedule.erase()
	}
}

// authenticate checks the peer's Auth in the order of KEX-55 to KEX-60, and gives its id.
func authenticate(
	end *End, schedule *keySchedule, opened []byte, context string, confirm func() []byte, bound string,
) (string, error) {
	failed := func(why string) (string, error) {
		return "", refused{pb.AlertCode_ALERT_CODE_HANDSHAKE_FAILURE, why}
	}
	var auth pb.Auth
	var identity pb.Identity
	if err := parseStrict(opened, &auth); err != nil {
		return failed(err.Error())
	}
	if err := parseStrict(auth.Identity, &identity); err != nil {
		return failed(err.Error())
	}
	id := string(identity.Id)
	switch {
	case !isEqual(end.Registry[id], identity.PublicKey):
		return failed("not in the registry")
	case id == end.ID || bytes.Equal(identity.PublicKey, end.publicKey()):
		return failed("our own identity")
	case bound != "" && id != bound:
		return failed("not the device of this desk")
	}
	signed := signedMessage(context, schedule.transcript.add(auth.Identity))
	if !end.Crypto.Verify(identity.PublicKey, signed, auth.Signature) {
		return failed("the signature")
	}
	schedule.transcript.add(auth.Signature)
	if !isEqual(auth.Confirm, confirm()) {
		return failed("the confirmation")
	}
	schedule.transcript.add(auth.Confirm)
	return id, nil
}

func ownAuth(end *End, schedule *keySchedule, context string, confirm func() []byte) []byte {
	identity := end.identity()
	signature := end.Crypto.Sign(end.SigningKey, signedMessage(context, schedule.transcript.add(identity)))
	schedule.transcript.add(signature)
	confirmed := confirm()
	schedule.transcript.add(confirmed)
	return encode(&pb.Auth{Identity: identity, Signature: signature, Confirm: confirmed})
}

func keysOf(schedule *keySchedule, peer string, agreementHash []byte) *keys {
	schedule.application()
	return &keys{schedule.appHis, schedule.appPos, schedule.tagRaw[0], peer, agreementHash}
}

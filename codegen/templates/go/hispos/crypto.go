package hispos

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
	"strings"
)

// Crypto is what the link needs of a cryptography library (key exchange, "Notation"). Keys and shares are raw bytes.
type Crypto interface {
	// X25519Public gives the share of a private key of 32 bytes.
	X25519Public(private []byte) ([]byte, error)
	// X25519 gives the shared secret, and refuses one of zero (KEX-18).
	X25519(private, public []byte) ([]byte, error)
	// Ed25519Public gives the public key of a private key of 32 bytes.
	Ed25519Public(private []byte) []byte
	// Sign gives an Ed25519 signature of 64 bytes.
	Sign(private, message []byte) []byte
	// Verify tells whether a signature counts by KEX-23.
	Verify(public, message, signature []byte) bool
	// Seal is AES-256-GCM: ciphertext and tag.
	Seal(key, nonce, aad, plaintext []byte) []byte
	// Open gives the plaintext, or an error if it does not open.
	Open(key, nonce, aad, sealed []byte) ([]byte, error)
}

// Standard is the default: Go's own library, and the checks of KEX-23 that it leaves to others.
type Standard struct{}

var _ Crypto = Standard{}

// X25519Public gives the share of a private key of 32 bytes.
func (Standard) X25519Public(private []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}

// X25519 gives the shared secret, and refuses one of zero (KEX-18).
func (Standard) X25519(private, public []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	share, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	return key.ECDH(share)
}

// Ed25519Public gives the public key of a private key of 32 bytes.
func (Standard) Ed25519Public(private []byte) []byte {
	return ed25519.NewKeyFromSeed(private)[ed25519.SeedSize:]
}

// Sign gives an Ed25519 signature of 64 bytes.
func (Standard) Sign(private, message []byte) []byte {
	return ed25519.Sign(ed25519.NewKeyFromSeed(private), message)
}

// Verify tells whether a signature counts by KEX-23. Go's own check refuses an s that is too great.
func (Standard) Verify(public, message, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && isUsableKey(public) && isUsableKey(signature[:32]) &&
		ed25519.Verify(public, message, signature)
}

// Seal is AES-256-GCM: ciphertext and tag.
func (Standard) Seal(key, nonce, aad, plaintext []byte) []byte {
	aead, err := gcm(key)
	if err != nil {
		// Every key of the schedule has 32 bytes.
		panic(err)
	}
	return aead.Seal(nil, nonce, plaintext, aad)
}

// Open gives the plaintext, or an error if it does not open.
func (Standard) Open(key, nonce, aad, sealed []byte) ([]byte, error) {
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	if len(nonce) != aead.NonceSize() {
		return nil, errors.New("a nonce of another length")
	}
	return aead.Open(nil, nonce, sealed, aad)
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// The curve of Ed25519, for the checks of public points. No secret is computed with these.
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD     = hexInt("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")
	order8Y    = hexInt("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7")
	one        = big.NewInt(1)
)

func hexInt(digits string) *big.Int {
	value, _ := new(big.Int).SetString(digits, 16)
	return value
}

// isUsableKey tells whether an Ed25519 key is canonical, on the curve and not of small order (KEX-24, PRV-2).
func isUsableKey(key []byte) bool {
	if len(key) != ed25519.PublicKeySize {
		return false
	}
	digits := slices.Clone(key)
	digits[31] &= 0x7f
	slices.Reverse(digits)
	y := new(big.Int).SetBytes(digits)
	if y.Cmp(fieldPrime) >= 0 || isSmallOrder(y) {
		return false
	}
	square := new(big.Int).Mul(y, y)
	over := new(big.Int).Sub(square, one)
	under := new(big.Int).Mul(curveD, square)
	under.Add(under, one).Mod(under, fieldPrime).ModInverse(under, fieldPrime)
	over.Mul(over, under).Mod(over, fieldPrime)
	return big.Jacobi(over, fieldPrime) >= 0
}

func isSmallOrder(y *big.Int) bool {
	mirrored := new(big.Int).Sub(fieldPrime, order8Y)
	last := new(big.Int).Sub(fieldPrime, one)
	return y.Sign() == 0 || y.Cmp(one) == 0 || y.Cmp(last) == 0 || y.Cmp(order8Y) == 0 || y.Cmp(mirrored) == 0
}

func sha256Of(parts ...[]byte) []byte {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return hash.Sum(nil)
}

func hmacOf(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// isEqual compares in constant time (KEX-19).
func isEqual(one, other []byte) bool { return hmac.Equal(one, other) }

// signedMessage is what every signature of the protocol is made over: 64 spaces, the context, 00, the payload.
func signedMessage(context string, payload []byte) []byte {
	return append([]byte(strings.Repeat(" ", 64)+context+"\x00"), payload...)
}

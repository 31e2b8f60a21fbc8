package hispos

import (
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
)

const depthMax = 3

// number is what a kind of number may be: its most bytes, and its greatest value before zigzag.
type number struct {
	bytes    int
	greatest uint64
}

var numbers = map[string]number{
	"uint32": {5, math.MaxUint32},
	"uint64": {10, math.MaxUint64},
	"sint32": {5, math.MaxUint32},
	"sint64": {10, math.MaxUint64},
	"bool":   {1, 1},
	"enum":   {5, math.MaxInt32},
}

// NotCanonical are bytes that are not the one encoding of a strict message; Step is the reason (ENC-5).
type NotCanonical struct{ Step int }

func (e NotCanonical) Error() string {
	return fmt.Sprintf("not canonical: step %d: %s", e.Step, Reasons[e.Step].En)
}

// validate refuses everything but the one encoding of a message (ENC-1, ENC-6 to ENC-15), with the first step that
// fails at the first field that fails.
func validate(message string, data []byte) error {
	walk := walk{data: data}
	return walk.message(rules[message], len(data), 1)
}

// parseStrict validates before protobuf sees the bytes.
func parseStrict(data []byte, into proto.Message) error {
	name := string(into.ProtoReflect().Descriptor().Name())
	if err := validate(name, data); err != nil {
		return err
	}
	return proto.Unmarshal(data, into)
}

// encode serialises a message of ours. It is canonical: fields ascend, and nothing is there twice.
func encode(message proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		// Only a text that is no UTF-8 does that, and every text was judged before.
		panic(err)
	}
	return data
}

// walk is one pass over the bytes (encoding, section "Steps of the validator").
type walk struct {
	data []byte
	at   int
}

func (w *walk) message(fields map[uint32]rule, end, depth int) error {
	last, before := uint64(0), 0
	seen := make(map[uint32]bool, len(fields))
	for w.at < end {
		key, err := w.varint(end, 5, 1)
		if err != nil {
			return err
		}
		field, wireType := key>>3, key&7
		if wireType != 0 && wireType != 2 {
			return NotCanonical{1}
		}
		rule, isKnown := fields[uint32(field)]
		if !isKnown || field > math.MaxUint32 {
			return NotCanonical{2}
		}
		_, isNumber := numbers[rule.kind]
		switch {
		case field == last && rule.repeated && !isNumber:
			before++
		case field > last:
			before = 0
		default:
			return NotCanonical{2}
		}
		if err := w.field(rule, wireType, before, end, depth); err != nil {
			return err
		}
		last = field
		seen[uint32(field)] = true
	}
	for field, rule := range fields {
		if rule.required && !seen[field] {
			return NotCanonical{9}
		}
	}
	return nil
}

func (w *walk) field(rule rule, wireType uint64, before, end, depth int) error {
	_, isNumber := numbers[rule.kind]
	isPacked := isNumber && rule.repeated
	isPlain := isNumber && !isPacked
	if isPlain != (wireType == 0) {
		return NotCanonical{3}
	}
	if isPlain {
		value, err := w.number(rule.kind, end)
		if err == nil && value == 0 {
			return NotCanonical{5}
		}
		return err
	}
	length, err := w.number("uint32", end)
	switch {
	case err != nil:
		return err
	case length == 0 && isPacked:
		return NotCanonical{3}
	case length == 0:
		return NotCanonical{5}
	case length > uint64(end-w.at):
		return NotCanonical{6}
	}
	size, stop := int(length), w.at+int(length)
	switch {
	case isPacked:
		return w.packed(rule, stop)
	case size < rule.min || rule.max > 0 && size > rule.max:
		return NotCanonical{6}
	case rule.repeated && before >= rule.count:
		return NotCanonical{6}
	case rule.message != "" && depth == depthMax:
		return NotCanonical{8}
	case rule.message != "":
		return w.message(rules[rule.message], stop, depth+1)
	case !hasClass(w.data[w.at:stop], rule):
		return NotCanonical{7}
	}
	w.at = stop
	return nil
}

func (w *walk) packed(rule rule, stop int) error {
	elements := 0
	for w.at < stop {
		value, err := w.number(rule.kind, stop)
		if err != nil {
			return err
		}
		if value == 0 {
			return NotCanonical{5}
		}
		elements++
	}
	if elements > rule.count {
		return NotCanonical{6}
	}
	return nil
}

func (w *walk) number(kind string, end int) (uint64, error) {
	bound := numbers[kind]
	value, err := w.varint(end, bound.bytes, 4)
	if err == nil && value > bound.greatest {
		return 0, NotCanonical{4}
	}
	return value, err
}

func (w *walk) varint(end, most, step int) (uint64, error) {
	value := uint64(0)
	for place := 0; place < most; place++ {
		if w.at >= end {
			return 0, NotCanonical{10}
		}
		digit := w.data[w.at]
		w.at++
		if place == 9 && digit > 1 {
			return 0, NotCanonical{step}
		}
		value |= uint64(digit&0x7f) << (7 * place)
		if digit < 0x80 {
			if digit == 0 && place > 0 {
				return 0, NotCanonical{step}
			}
			return value, nil
		}
	}
	return 0, NotCanonical{step}
}

func hasClass(content []byte, rule rule) bool {
	if (rule.kind == "string" || rule.textClass == "TEXT") && !utf8.Valid(content) {
		return false
	}
	switch rule.textClass {
	case "TEXT":
		for _, letter := range string(content) {
			if letter < 0x20 || letter >= 0x7f && letter <= 0x9f {
				return false
			}
		}
		return true
	case "ORDER_NO":
		return consistsOf(content, isCapitalOrDigit)
	case "IDENTIFIER":
		return consistsOf(content, func(letter byte) bool {
			isSmall := letter >= 'a' && letter <= 'z'
			return isCapitalOrDigit(letter) || isSmall || letter == '.' || letter == '_' || letter == '-'
		})
	case "VISIBLE":
		return consistsOf(content, func(letter byte) bool { return letter >= '!' && letter <= '~' })
	}
	return true
}

func isCapitalOrDigit(letter byte) bool {
	return letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9'
}

func consistsOf(content []byte, allowed func(byte) bool) bool {
	for _, letter := range content {
		if !allowed(letter) {
			return false
		}
	}
	return true
}

// Package hispos is a client of hispos, the secure link between a hospital information system and a payment terminal.
//
// A link is fed bytes and instants, and polled for bytes and events. No clock, file, socket or randomness is inside:
// they are given from outside. Instants are milliseconds of a clock that runs since the boot of the machine (ORD-1).
package hispos

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Types of frames (framing).
const (
	frameM1         = 0x01
	frameM2         = 0x02
	frameM3         = 0x03
	framePlainAlert = 0x0f
	frameRecordHis  = 0x10
	frameRecordPos  = 0x11
)

// side is an end of the link.
type side int

const (
	his side = iota
	pos
)

// Drops of this layer (framing, section "Drops").
const (
	dropLong  = "long"
	dropCobs  = "cobs"
	dropShort = "short"
	dropCrc   = "crc"
	dropType  = "type"
	dropEcho  = "echo"
)

const cobsBlock = 254

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is one that passed every check of this layer, or the name under which it was dropped.
type frame struct {
	kind byte
	body []byte
	drop string
}

// sum names the frame in plain alerts.
func (f frame) sum() []byte { return checksum(append([]byte{f.kind}, f.body...)) }

// checksum is CRC-32C, the most significant byte first.
func checksum(data []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, castagnoli))
}

// cobsEncode leaves out a code byte behind a final block of 254 bytes (FRM-15).
func cobsEncode(data []byte) []byte {
	segments := bytes.Split(data, []byte{0})
	out := make([]byte, 0, len(data)+len(data)/cobsBlock+2)
	for index, segment := range segments {
		rest := segment
		for len(rest) >= cobsBlock {
			out = append(append(out, 0xff), rest[:cobsBlock]...)
			rest = rest[cobsBlock:]
		}
		if len(rest) == 0 && len(segment) > 0 && index == len(segments)-1 {
			continue
		}
		out = append(append(out, byte(len(rest)+1)), rest...)
	}
	return out
}

// cobsDecode gives the frame in a run; false if a block ends behind the run (FRM-22).
func cobsDecode(run []byte) ([]byte, bool) {
	out := make([]byte, 0, len(run))
	for at := 0; at < len(run); {
		code := int(run[at])
		end := at + code
		if end > len(run) {
			return nil, false
		}
		out = append(out, run[at+1:end]...)
		if code != 0xff && end < len(run) {
			out = append(out, 0)
		}
		at = end
	}
	return out, true
}

// encodeFrame gives a frame as it goes on the line, its final 00 included (FRM-10, FRM-13).
func encodeFrame(kind byte, body []byte) ([]byte, error) {
	whole := append([]byte{kind}, body...)
	whole = append(whole, checksum(whole)...)
	if len(whole) > LimitFrameBytesMax {
		return nil, fmt.Errorf("a frame of %d bytes, %d allowed", len(whole), LimitFrameBytesMax)
	}
	return append(cobsEncode(whole), 0), nil
}

// decoder takes frames out of one stream. Its memory is bounded whatever arrives (FRM-28).
type decoder struct {
	side   side
	run    []byte
	isLong bool
}

// feed takes bytes in pieces of any size and gives what they complete (FRM-17).
func (d *decoder) feed(data []byte) []frame {
	var found []frame
	for len(data) > 0 {
		end := bytes.IndexByte(data, 0)
		piece := data
		if end >= 0 {
			piece = data[:end]
		}
		if !d.isLong && len(d.run)+len(piece) > LimitEncodedBytesMax {
			d.isLong = true
			found = append(found, frame{drop: dropLong})
		}
		if d.isLong {
			d.run = d.run[:0]
		} else {
			d.run = append(d.run, piece...)
		}
		if end < 0 {
			break
		}
		if len(d.run) > 0 && !d.isLong {
			found = append(found, d.judge(d.run))
		}
		d.run, d.isLong = d.run[:0], false
		data = data[end+1:]
	}
	return found
}

func (d *decoder) judge(run []byte) frame {
	whole, isWhole := cobsDecode(run)
	end := len(whole) - 4
	switch {
	case !isWhole:
		return frame{drop: dropCobs}
	case len(whole) > LimitFrameBytesMax:
		return frame{drop: dropLong}
	case len(whole) < LimitFrameBytesMin:
		return frame{drop: dropShort}
	case !bytes.Equal(checksum(whole[:end]), whole[end:]):
		return frame{drop: dropCrc}
	}
	kind := whole[0]
	switch kind {
	case framePlainAlert:
	case frameM1, frameM3, frameRecordHis:
		if d.side == his {
			return frame{drop: dropEcho}
		}
	case frameM2, frameRecordPos:
		if d.side == pos {
			return frame{drop: dropEcho}
		}
	default:
		return frame{drop: dropType}
	}
	return frame{kind: kind, body: whole[1:end]}
}

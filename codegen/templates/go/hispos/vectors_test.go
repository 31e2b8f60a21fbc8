package hispos

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Finds the vector files, reads them, and counts what was replayed.

// values is a JSON object of a vector file.
type values map[string]any

// errUnimplemented: this client cannot replay the case yet.
var errUnimplemented = errors.New("unimplemented")

// errOtherEnd: the case is of the other end of the link.
var errOtherEnd = errors.New("the other end")

// vectorFolder is HISPOS_VECTORS, or spec-crate/vectors in a folder above this one.
func vectorFolder(t testing.TB) string {
	if named := os.Getenv("HISPOS_VECTORS"); named != "" {
		return named
	}
	above, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for above != filepath.Dir(above) {
		above = filepath.Dir(above)
		folder := filepath.Join(above, "spec-crate", "vectors")
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
	}
	t.Fatal("no vectors: set HISPOS_VECTORS to the folder spec-crate/vectors of hispos")
	return ""
}

func loadVectors(t testing.TB, name string) values {
	data, err := os.ReadFile(filepath.Join(vectorFolder(t), name))
	if err != nil {
		t.Fatal(err)
	}
	reader := json.NewDecoder(bytes.NewReader(data))
	reader.UseNumber()
	var file values
	if err := reader.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file
}

func (v values) has(name string) bool { return v[name] != nil }

func (v values) text(name string) string {
	text, _ := v[name].(string)
	return text
}

func (v values) flag(name string) bool {
	flag, _ := v[name].(bool)
	return flag
}

func (v values) number(name string) int64 {
	number, _ := v[name].(json.Number)
	value, _ := strconv.ParseInt(string(number), 10, 64)
	return value
}

func (v values) object(name string) values {
	object, _ := v[name].(map[string]any)
	return object
}

func (v values) objects(name string) []values {
	list, _ := v[name].([]any)
	var found []values
	for _, item := range list {
		object, _ := item.(map[string]any)
		found = append(found, object)
	}
	return found
}

func (v values) texts(name string) []string {
	list, _ := v[name].([]any)
	var found []string
	for _, item := range list {
		text, _ := item.(string)
		found = append(found, text)
	}
	return found
}

func (v values) numbers(name string) []uint32 {
	list, _ := v[name].([]any)
	var found []uint32
	for _, item := range list {
		number, _ := item.(json.Number)
		value, _ := strconv.ParseUint(string(number), 10, 32)
		found = append(found, uint32(value))
	}
	return found
}

func (v values) bytes(name string) []byte { return hexes(v.text(name)) }

// hexes reads hexadecimal; in words, HHxN repeats the bytes HH.
func hexes(text string) []byte {
	out := []byte{}
	for word := range strings.FieldsSeq(text) {
		digits, times, isRepeated := strings.Cut(word, "x")
		data, err := hex.DecodeString(digits)
		if err != nil {
			panic(err)
		}
		count := 1
		if isRepeated {
			if count, err = strconv.Atoi(times); err != nil {
				panic(err)
			}
		}
		out = append(out, bytes.Repeat(data, count)...)
	}
	return out
}

// tally is what of one file was replayed.
type tally struct {
	name                    string
	replayed, unimplemented int
	failures                []string
}

// run replays one case.
func (t *tally) run(item values, replay func(values) error) {
	err := guarded(item, replay)
	if errors.Is(err, errOtherEnd) {
		return
	}
	if errors.Is(err, errUnimplemented) {
		t.unimplemented++
		return
	}
	t.replayed++
	if err != nil {
		t.failures = append(t.failures, fmt.Sprintf("%s case %v: %v", t.name, item["tc_id"], err))
	}
}

func guarded(item values, replay func(values) error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("it panicked: %v", caught)
		}
	}()
	return replay(item)
}

func (t *tally) cases(file values, replay func(values) error) {
	for _, item := range file.objects("cases") {
		t.run(item, replay)
	}
}

// same fails if a value is not what the file has.
func same(what string, committed, derived any) error {
	if reflect.DeepEqual(committed, derived) {
		return nil
	}
	return fmt.Errorf("%s: the file has %v, this client gives %v", what, committed, derived)
}

func sameHex(what, committed string, derived []byte) error {
	return same(what, hex.EncodeToString(hexes(committed)), hex.EncodeToString(derived))
}

// sameResult compares the result word.
func sameResult(item values, isValid bool) error {
	word := "invalid"
	if isValid {
		word = "valid"
	}
	return same("result", item.text("result"), word)
}

// decoded gives a message as the vectors write it: absent fields left out, bytes in hexadecimal.
func decoded(message protoreflect.Message) map[string]any {
	found := map[string]any{}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !field.IsList() {
			found[string(field.Name())] = decodedValue(field, value)
			return true
		}
		items := []any{}
		for at := range value.List().Len() {
			items = append(items, decodedValue(field, value.List().Get(at)))
		}
		found[string(field.Name())] = items
		return true
	})
	return found
}

func decodedValue(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return decoded(value.Message())
	case protoreflect.BytesKind:
		return hex.EncodeToString(value.Bytes())
	case protoreflect.EnumKind:
		return json.Number(strconv.Itoa(int(value.Enum())))
	case protoreflect.BoolKind, protoreflect.StringKind:
		return value.Interface()
	}
	return json.Number(value.String())
}

func sameDecoded(what string, committed any, message proto.Message) error {
	return same(what, committed, any(decoded(message.ProtoReflect())))
}

var replays = map[string]func(values, *tally){
	"frames.json":        replayFrames,
	"validator.json":     replayValidator,
	"key_schedule.json":  replayKeySchedule,
	"handshake.json":     replayHandshake,
	"records.json":       replayRecords,
	"signed_files.json":  replaySignedFiles,
	"orders.json":        replayOrders,
	"codes.json":         replayCodes,
	"books.json":         replayBooks,
	"conversations.json": replayConversations,
	// only: pos
	"verdicts.json": replayVerdicts,
	// only: end
	"example.json":    replayExample,
	"wire-trace.json": replayTrace,
}

func TestVectorsGiveWhatTheFilesHave(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(vectorFolder(t), "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no vectors", err)
	}
	all := tally{name: "all"}
	replays["messages.json"] = replayMessages(t)
	fmt.Printf("%-24s%10s%8s%15s\n", "vectors", "replayed", "failed", "unimplemented")
	for _, path := range paths {
		one := tally{name: filepath.Base(path)}
		if one.name == "verdicts.json" && replays[one.name] == nil {
			// A HIS asks no platform.
			continue
		}
		file := loadVectors(t, one.name)
		if replay := replays[one.name]; replay != nil {
			replay(file, &one)
		} else {
			one.unimplemented = max(len(file.objects("cases"))+len(file.objects("refusals")), 1)
		}
		fmt.Printf("%-24s%10d%8d%15d\n", one.name, one.replayed, len(one.failures), one.unimplemented)
		all.replayed += one.replayed
		all.unimplemented += one.unimplemented
		all.failures = slices.Concat(all.failures, one.failures)
	}
	fmt.Printf("%-24s%10d%8d%15d\n", all.name, all.replayed, len(all.failures), all.unimplemented)
	for _, failure := range all.failures[:min(20, len(all.failures))] {
		t.Error(failure)
	}
	if all.replayed < 4000 {
		t.Errorf("%d cases are too few", all.replayed)
	}
}

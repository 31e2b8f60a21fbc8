//go:build linux

package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
	pb "hispos-client/internal/messages"
)

const within = 2 * time.Minute

// place is a site with the reference HIS, the example terminal and the simulated platform.
type place struct {
	*site
	program, hisHome, line string
	cable                  cable
	terminal               *saying
}

// newPlace agrees, registers both ends, and starts the platform.
func newPlace(root string, wire cable, hisLine, terminalLine string) (*place, error) {
	made, err := newSite(root)
	if err != nil {
		return nil, err
	}
	found := &place{
		site: made, program: filepath.Join(root, "terminal-program"), hisHome: filepath.Join(root, "his"),
		line: terminalLine, cable: wire,
	}
	build := exec.Command("go", "build", "-o", found.program, "./examples/terminal")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w", output, err)
	}
	if err := found.provide(hisLine); err != nil {
		return nil, err
	}
	return found, found.startPlatform()
}

func (p *place) his(words ...string) ([]byte, error) {
	words = append([]string{"--home", p.hisHome, "--json", "--lang", "en"}, words...)
	output, err := exec.Command(os.Getenv("HISPOS_HIS"), words...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("hispos-his %s: %s: %w", strings.Join(words[5:], " "), output, err)
	}
	return output, err
}

func (p *place) provide(hisLine string) error {
	deviceKey := desk.Draw(32)
	begin := desk.Unix() - 60
	agreement, err := p.agreement()
	if err != nil {
		return err
	}
	devices, err := proto.Marshal(&pb.DeviceManifest{Serial: 1, SiteId: siteID, Devices: []*pb.Device{{
		DeviceId: device, SerialNo: "SN-1", PublicKey: crypto.Ed25519Public(deviceKey),
		ValidFrom: begin, ValidUntil: begin + yearLong,
	}}})
	if err != nil {
		return err
	}
	manifest, request := filepath.Join(p.root, "devices.hispos"), filepath.Join(p.root, "terminal.json")
	link := filepath.Join(p.home, "agreement.hispos")
	err = errors.Join(
		os.WriteFile(link, hispos.SignFile(crypto, pb.FileKind_FILE_KIND_AGREEMENT, agreement, p.hisKey, p.posKey), 0o600),
		os.WriteFile(manifest, hispos.SignFile(crypto, pb.FileKind_FILE_KIND_DEVICE_MANIFEST, devices, p.posKey), 0o600),
		os.WriteFile(filepath.Join(p.home, "device.key"), deviceKey, 0o600),
		os.WriteFile(filepath.Join(p.home, "device.id"), []byte(device), 0o600),
	)
	if err != nil {
		return err
	}
	for _, words := range [][]string{
		{
			"agreement", "import", link,
			"--his-organisation", hispos.Fingerprint(crypto.Ed25519Public(p.hisKey)),
			"--pos-organisation", hispos.Fingerprint(crypto.Ed25519Public(p.posKey)),
		},
		{"devices", "import", manifest},
		{"terminal", "init", terminal},
		{"terminal", "request", terminal, "--window-name", "Cashier 1", "--out", request},
		{"devices", "bind", device, "--terminal", terminal, "--line", hisLine},
	} {
		if _, err := p.his(words...); err != nil {
			return err
		}
	}
	return p.admit(request, begin)
}

// admit registers the terminal that the HIS made.
func (p *place) admit(request string, begin uint64) error {
	data, err := os.ReadFile(request)
	if err != nil {
		return err
	}
	var said struct {
		PublicKey string `json:"public_key"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return err
	}
	public, err := hex.DecodeString(said.PublicKey)
	if err != nil {
		return err
	}
	terminals, err := proto.Marshal(&pb.TerminalManifest{Serial: 1, SiteId: siteID, Terminals: []*pb.Terminal{{
		TerminalId: terminal, WindowName: "Cashier 1", PublicKey: public, ValidFrom: begin, ValidUntil: begin + yearLong,
	}}})
	if err != nil {
		return err
	}
	file := hispos.SignFile(crypto, pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, terminals, p.hisKey)
	return os.WriteFile(filepath.Join(p.home, "terminals.hispos"), file, 0o600)
}

func (p *place) startHis() (*exec.Cmd, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	words := []string{"--home", p.hisHome, "--json", "--lang", "en", "serve", "--listen", address}
	return p.start(os.Getenv("HISPOS_HIS"), words, func(line []byte) bool {
		return strings.Contains(string(line), "address")
	})
}

// startTerminal starts the example terminal, with payers who show these codes.
func (p *place) startTerminal(codes ...string) error {
	program := exec.Command(
		p.program, "-home", p.home, "-line", p.line, "-platform", p.platform,
		"-credentials", filepath.Join(p.root, "bank", "credentials.json"), "-codes", strings.Join(codes, ","),
	)
	said, err := listenTo(program)
	if err != nil {
		return err
	}
	p.programs = append(p.programs, program)
	p.terminal = said
	for _, text := range []string{"MerchantChanged{Merchant:{Channel:CHANNEL_WECHAT", "MerchantChanged{Merchant:{Channel:CHANNEL_ALIPAY", "Up{"} {
		if _, err := said.wait(text, 0); err != nil {
			return err
		}
	}
	return nil
}

// begin collects beside what comes next, until the terminal has accepted the order; gives its number.
func (p *place) begin(bill string) (string, error) {
	since := p.terminal.size()
	go func() {
		// How it goes is read from the bill.
		_, _ = p.his("collect", "--bill", bill, "+2.00", "--window", terminal, "--seconds", "1", "--patience", "1")
	}()
	line, err := p.terminal.wait("Accepted ", since)
	if err != nil {
		return "", err
	}
	return strings.Fields(line)[1], nil
}

// expect waits until no order is open, and reads how the bill's order ended.
func (p *place) expect(bill, state string) error {
	for end := time.Now().Add(within); ; time.Sleep(200 * time.Millisecond) {
		open, err := p.his("open")
		if err != nil {
			return err
		}
		if !strings.Contains(string(open), "order_no") {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("still open: %s", open)
		}
	}
	said, err := p.his("bill", bill)
	if err != nil {
		return err
	}
	if !strings.Contains(strings.ReplaceAll(string(said), ": ", ":"), `"state":"`+state+`"`) {
		return fmt.Errorf("%s is not %s: %s", bill, state, said)
	}
	fmt.Printf("  %s: %s\n", bill, state)
	return nil
}

// saying is a program and what it has said.
type saying struct {
	program *exec.Cmd
	input   io.Writer
	lock    sync.Mutex
	lines   []string
}

func listenTo(program *exec.Cmd) (*saying, error) {
	program.Stderr = os.Stderr
	input, err := program.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	made := &saying{program: program, input: input}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			fmt.Println("    " + lines.Text())
			made.lock.Lock()
			made.lines = append(made.lines, lines.Text())
			made.lock.Unlock()
		}
	}()
	return made, program.Start()
}

func (s *saying) size() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	return len(s.lines)
}

// wait gives the first line with a text behind a place.
func (s *saying) wait(text string, since int) (string, error) {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.lock.Lock()
		lines := slices.Clone(s.lines[since:])
		s.lock.Unlock()
		for _, line := range lines {
			if strings.Contains(line, text) {
				return line, nil
			}
		}
	}
	return "", fmt.Errorf("the terminal does not say %s", text)
}

//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
	pb "hispos-client/internal/messages"
)

const (
	siteID   = "hospital-1"
	device   = "POS-0001"
	terminal = "HIS-W01"
	mchID    = "1900000001"
	appID    = "2021000000000001"
	sellerID = "2088000000000001"
	yearLong = 86_400 * 365
)

var crypto = hispos.Standard{}

// site is both organisations, one device, one window, the platform.
type site struct {
	root, home, window string
	hisKey, posKey     []byte
	platform           string
	programs           []*exec.Cmd
	log                *os.File
}

func newSite(root string) (*site, error) {
	if err := os.Mkdir(root, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(root, "log"))
	if err != nil {
		return nil, err
	}
	found := &site{
		root: root, home: filepath.Join(root, "window"), window: filepath.Join(root, "window-program"),
		hisKey: desk.Draw(32), posKey: desk.Draw(32), log: log,
	}
	return found, os.Mkdir(found.home, 0o700)
}

// prepare agrees, registers, and starts the platform.
func (s *site) prepare() error {
	build := exec.Command("go", "build", "-o", s.window, "./examples/window")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w", output, err)
	}
	for _, step := range []func() error{s.agree, s.register, s.startPlatform} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) posWords(words ...string) []string {
	return append([]string{"--home", filepath.Join(s.root, "pos"), "--json", "--lang", "en"}, words...)
}

// pos runs a command of the terminal.
func (s *site) pos(words ...string) error {
	output, err := exec.Command(os.Getenv("HISPOS_POS"), s.posWords(words...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("hispos-pos %s: %s: %w", strings.Join(words, " "), output, err)
	}
	return nil
}

func (s *site) agreement() ([]byte, error) {
	return proto.Marshal(&pb.Agreement{
		AgreementNo:        1,
		SiteId:             siteID,
		SiteCode:           "SIM1",
		Versions:           []uint32{1},
		Suites:             []uint32{1},
		HisOrganisationKey: crypto.Ed25519Public(s.hisKey),
		PosOrganisationKey: crypto.Ed25519Public(s.posKey),
		Currency:           "CNY",
		Amounts:            &pb.AmountLimits{CollectMax: 5_000_000, RefundMax: 1_000_000, RefundDayMax: 5_000_000},
		Timers: &pb.AgreedTimers{
			Start: 60_000, Act: 60_000, Drift: 2000, Connect: 1000, Http: 4000, PollWechat: 10_000, PollAlipay: 10_000,
			ReverseMin: 1000, Fence: 12_000, Quiet: 16_000, Expiry: 8000, Query: 1000, AbsenceGap: 1000,
		},
		BusinessDay: &pb.BusinessDay{UtcOffsetMinutes: 480},
		Wechat:      &pb.WechatMerchant{MchId: mchID},
		Alipay:      &pb.AlipayMerchant{AppId: appID, SellerId: sellerID},
		Simulated:   true,
	})
}

func (s *site) agree() error {
	payload, err := s.agreement()
	if err != nil {
		return err
	}
	path := filepath.Join(s.home, "agreement.hispos")
	file := hispos.SignFile(crypto, pb.FileKind_FILE_KIND_AGREEMENT, payload, s.hisKey, s.posKey)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return err
	}
	if err := s.pos("device", "init", "--id", device, "--serial-no", "SN-1"); err != nil {
		return err
	}
	return s.pos("agreement", "import", path,
		"--his-organisation", hispos.Fingerprint(crypto.Ed25519Public(s.hisKey)),
		"--pos-organisation", hispos.Fingerprint(crypto.Ed25519Public(s.posKey)))
}

func (s *site) register() error {
	request := filepath.Join(s.root, "request.json")
	if err := s.pos("device", "request", "--out", request); err != nil {
		return err
	}
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
	devicePublic, err := hex.DecodeString(said.PublicKey)
	if err != nil {
		return err
	}
	begin, key := desk.Unix()-60, desk.Draw(32)
	devices, err := proto.Marshal(&pb.DeviceManifest{Serial: 1, SiteId: siteID, Devices: []*pb.Device{{
		DeviceId: device, SerialNo: "SN-1", PublicKey: devicePublic, ValidFrom: begin, ValidUntil: begin + yearLong,
	}}})
	if err != nil {
		return err
	}
	terminals, err := proto.Marshal(&pb.TerminalManifest{Serial: 1, SiteId: siteID, Terminals: []*pb.Terminal{{
		TerminalId: terminal, WindowName: "Cashier 1", PublicKey: crypto.Ed25519Public(key),
		ValidFrom: begin, ValidUntil: begin + yearLong,
	}}})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"devices.hispos":   hispos.SignFile(crypto, pb.FileKind_FILE_KIND_DEVICE_MANIFEST, devices, s.posKey),
		"terminals.hispos": hispos.SignFile(crypto, pb.FileKind_FILE_KIND_TERMINAL_MANIFEST, terminals, s.hisKey),
		"terminal.key":     key,
		"site.secret":      desk.Draw(32),
		"terminal.id":      []byte(terminal),
		"device.id":        []byte(device),
	} {
		if err := os.WriteFile(filepath.Join(s.home, name), content, 0o600); err != nil {
			return err
		}
	}
	return s.pos("terminals", "import", filepath.Join(s.home, "terminals.hispos"))
}

func (s *site) startPlatform() error {
	folder, program := filepath.Join(s.root, "bank"), os.Getenv("PROVIDER_SIM")
	words := []string{"init", "--dir", folder, "--merchant", "wechat:" + mchID, "--merchant", "alipay:" + appID + ":" + sellerID}
	if output, err := exec.Command(program, words...).CombinedOutput(); err != nil {
		return fmt.Errorf("provider-sim: %s: %w", output, err)
	}
	var said struct {
		URL string `json:"url"`
	}
	_, err := s.start(program, []string{"serve", "--dir", folder, "--scale", "0.1"}, func(line []byte) bool {
		return json.Unmarshal(line, &said) == nil && said.URL != ""
	})
	s.platform = said.URL
	return err
}

// startPos gives the terminal, once it is ready.
func (s *site) startPos(line ...string) (*exec.Cmd, error) {
	words := append([]string{"serve"}, line...)
	words = append(words, "--credentials", filepath.Join(s.root, "bank", "credentials.json"), "--platform", s.platform)
	return s.start(os.Getenv("HISPOS_POS"), s.posWords(words...), func(line []byte) bool {
		return bytes.Contains(line, []byte(`"ready"`))
	})
}

// start starts a program and waits until a line of it says that it is ready.
func (s *site) start(program string, words []string, isReady func(line []byte) bool) (*exec.Cmd, error) {
	started := exec.Command(program, words...)
	started.Stderr = s.log
	output, err := started.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := started.Start(); err != nil {
		return nil, err
	}
	s.programs = append(s.programs, started)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if isReady(lines.Bytes()) {
			go func() {
				for lines.Scan() {
				}
			}()
			return started, nil
		}
	}
	return nil, fmt.Errorf("%s is not ready", program)
}

// end ends what was started here.
func end(program *exec.Cmd) {
	// It may have ended by itself.
	_ = program.Process.Kill()
	_ = program.Wait()
}

func (s *site) stop() {
	for _, program := range s.programs {
		end(program)
	}
}

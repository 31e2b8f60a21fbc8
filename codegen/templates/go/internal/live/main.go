//go:build linux

// Live proves both roles of the client against the reference programs, over a pseudo-terminal and over TCP: a collect, a
// refund, a cancel, a pulled cable, a killed window, a killed terminal, a killed HIS and a look-up.
//
//	HISPOS_POS=…/hispos-pos HISPOS_HIS=…/hispos-his PROVIDER_SIM=…/provider-sim go run ./internal/live
package main

import (
	// only: his
	"bufio"
	// only: end
	"fmt"
	"net"
	"os"
	// only: his
	"os/exec"
	"path/filepath"
	"slices"
	// only: end
	"strings"
	// only: his
	"time"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
	pb "hispos-client/internal/messages"
	"hispos-client/transport"
	// only: end
)

func main() {
	folder, err := os.MkdirTemp("", "hispos-live-")
	if err == nil {
		// only: his
		err = run(filepath.Join(folder, "window"))
		// only: end
		// only: pos
		if err == nil {
			err = terminals(folder)
		}
		// only: end
		os.RemoveAll(folder)
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("live: " + strings.Join(proved, "; "))
}

// proved is what the last line says.
var proved []string

// only: his
func run(folder string) error {
	site, err := newSite(folder)
	if err != nil {
		return err
	}
	defer site.stop()
	if err := site.prepare(); err != nil {
		return err
	}
	pty := filepath.Join(folder, "pos.pty")
	fmt.Println("over a pseudo-terminal")
	pos, err := site.startPos("--pty", "--pty-link", pty)
	if err != nil {
		return err
	}
	if err := both(site, "serial:"+pty, "pty", "134567890123456700"); err != nil {
		return err
	}
	end(pos)
	fmt.Println("over TCP")
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if _, err := site.startPos("--listen", address); err != nil {
		return err
	}
	if err := both(site, "tcp:"+address, "tcp", "281234567890123400"); err != nil {
		return err
	}
	proved = append(proved, "HIS over a pseudo-terminal and over TCP: a collect over a pulled cable, a refund, a cancel, a killed window and its look-up")
	return nil
}

func both(site *site, line, name, code string) error {
	if err := story(site, line, name, code); err != nil {
		return err
	}
	return killed(site, line, name)
}

// only: end
func freeAddress() (string, error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer probe.Close()
	return probe.Addr().String(), nil
}

// only: his

// story is a collect, whose line is cut while the code is awaited, a refund of a part of it, and a collect that is
// cancelled.
func story(site *site, line, name, code string) error {
	window, err := desk.Open(site.home, line)
	if err != nil {
		return err
	}
	defer window.Close()
	var seen []string
	window.Tell = func(event hispos.Event) {
		fmt.Printf("    %T%+v\n", event, event)
		progress, isProgress := event.(hispos.Progress)
		if !isProgress || progress.Stage != pb.Stage_STAGE_WAIT_CODE || slices.Contains(seen, progress.OrderNo) {
			return
		}
		seen = append(seen, progress.OrderNo)
		var failed error
		if len(seen) == 1 {
			window.Cut()
			fmt.Println("    the cable is pulled")
			failed = site.pos("scan", code)
		} else {
			failed = window.Link.Cancel(progress.OrderNo, transport.BootClock())
		}
		if failed != nil {
			fmt.Println("    ", failed)
		}
	}
	expect := func(wanted int, make func(now int64) (string, error)) error {
		code, text := window.Pay(make, 90*time.Second)
		fmt.Println(" ", text)
		if code != wanted {
			return fmt.Errorf("exit code %d, wanted %d: %s", code, wanted, text)
		}
		return nil
	}
	err = expect(desk.Done, func(now int64) (string, error) { return window.Link.Collect(name+"-1", 1234, 0, now) })
	if err != nil {
		return err
	}
	err = expect(desk.Done, func(now int64) (string, error) {
		return window.Link.Refund(hispos.Refund{
			OrderNo: seen[0], Fen: -500, Item: "item-1", Operator: "1001", Approver: "2001", Reason: "wrong item",
		}, 0, now)
	})
	if err != nil {
		return err
	}
	err = expect(desk.Refused, func(now int64) (string, error) { return window.Link.Collect(name+"-2", 350, 0, now) })
	if err != nil {
		return err
	}
	if said := window.Ledger.Result(seen[1]); said.GetStatus() != pb.Status_STATUS_CANCELLED {
		return fmt.Errorf("cancelled, and it ended with %v", said.GetStatus())
	}
	if _, err := window.Link.Collect(name+"-1", 1234, 0, transport.BootClock()); err == nil {
		return fmt.Errorf("a paid bill is collected again")
	}
	return nil
}

// killed is a window that is killed while a code is awaited: the next one asks, and ends the order by a signed result.
func killed(site *site, line, name string) error {
	program := exec.Command(site.window, "-home", site.home, "-line", line, "collect", name+"-3", "+2.00")
	output, err := program.StdoutPipe()
	if err != nil {
		return err
	}
	if err := program.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.Contains(lines.Text(), "Progress") {
			break
		}
	}
	end(program)
	window, err := desk.Open(site.home, line)
	if err != nil {
		return err
	}
	defer window.Close()
	open := window.Ledger.OpenOrders()
	if len(open) != 1 || window.Ledger.Order(open[0]).State != pb.HisState_HIS_STATE_ASKING {
		return fmt.Errorf("open behind the kill: %v", open)
	}
	isEnd := func(event hispos.Event) bool { return event == hispos.Event(hispos.OrderEnded{OrderNo: open[0]}) }
	window.Tell = func(event hispos.Event) { fmt.Printf("    %T%+v\n", event, event) }
	if !window.Run(isEnd, time.Minute) {
		return fmt.Errorf("%s has not ended", open[0])
	}
	if said := window.Ledger.Result(open[0]); said.GetOutcome() != pb.Outcome_OUTCOME_NOT_PAID {
		return fmt.Errorf("%s: %v", open[0], said.GetOutcome())
	}
	fmt.Printf("  killed and looked up: %s is not paid\n", open[0])
	return nil
}

// only: end

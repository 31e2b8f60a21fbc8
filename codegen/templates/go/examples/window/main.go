// Window collects and refunds over a line, with a ledger in a file.
//
//	window -home DIR -line tcp:127.0.0.1:7000 collect B-1 +12.34
//	cat bills | window -home DIR -line LINE collect - +12.34
//	window -home DIR -line serial:/dev/ttyUSB0 refund ORDER -5.00 OPERATOR APPROVER [ITEM]
//	window -home DIR -line tcp:127.0.0.1:7000 cancel B-1 +12.34
//	window -home DIR -line tcp:127.0.0.1:7000 look ORDER
//
// cancel collects, and thinks better of it once the terminal waits for a code. look ends an order that an earlier run,
// which was killed, left open: by a signed result, as every end.
//
// DIR holds terminal.key and site.secret (32 bytes each), terminal.id, device.id, and the signed files agreement.hispos
// and devices.hispos. The ledger is made there.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
	pb "hispos-client/internal/messages"
	"hispos-client/transport"
)

// longest is how long an order may take before its end counts as not known here.
const longest = 5 * time.Minute

func main() {
	home := flag.String("home", "", "the folder of the window")
	line := flag.String("line", "", "tcp:HOST:PORT or serial:PATH")
	flag.Parse()
	code, text := run(*home, *line, flag.Args())
	fmt.Println(text)
	os.Exit(code)
}

func run(home, line string, words []string) (int, string) {
	const usage = "usage: window -home DIR -line LINE collect BILL AMOUNT | cancel BILL AMOUNT | look ORDER | " +
		"refund ORDER AMOUNT OPERATOR APPROVER [ITEM]"
	counts := map[string][2]int{"collect": {3, 3}, "cancel": {3, 3}, "look": {2, 2}, "refund": {5, 6}}
	if home == "" || line == "" || len(words) == 0 || len(words) < counts[words[0]][0] || len(words) > counts[words[0]][1] {
		return desk.Usage, usage
	}
	fen := int64(0)
	if words[0] != "look" {
		var err error
		if fen, err = hispos.ParseAmount(words[2]); err != nil {
			return desk.Usage, err.Error()
		}
	}
	window, err := desk.Open(home, line)
	if err != nil {
		return desk.Refused, err.Error()
	}
	defer window.Close()
	window.Tell = func(event hispos.Event) {
		fmt.Printf("%T%+v\n", event, event)
		progress, isProgress := event.(hispos.Progress)
		if words[0] == "cancel" && isProgress && progress.Stage == pb.Stage_STAGE_WAIT_CODE {
			// Refused is who cancels what has ended meanwhile: its end comes all the same.
			if err := window.Link.Cancel(progress.OrderNo, transport.BootClock()); err != nil {
				fmt.Println(err)
			}
		}
	}
	if words[0] == "collect" || words[0] == "cancel" {
		return collect(window, words[1], fen)
	}
	return window.Pay(func(now int64) (string, error) {
		if words[0] == "look" {
			if window.Ledger.Order(words[1]) == nil {
				return "", errors.New(words[1] + " is no order of this ledger")
			}
			window.Link.Ask(words[1], now)
			return words[1], nil
		}
		wanted := hispos.Refund{OrderNo: words[1], Fen: fen, Operator: words[3], Approver: words[4], Reason: "refund"}
		if len(words) == 6 {
			wanted.Item = words[5]
		}
		return window.Link.Refund(wanted, 0, now)
	}, longest)
}

// collect collects a bill; with - each that a line of the standard input names, until one's end is not known.
func collect(window *desk.Desk, bill string, fen int64) (int, string) {
	if bill != "-" {
		return window.Pay(func(now int64) (string, error) { return window.Link.Collect(bill, fen, 0, now) }, longest)
	}
	worst := desk.Done
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		code, text := collect(window, strings.TrimSpace(lines.Text()), fen)
		fmt.Println(text)
		worst = max(worst, code)
		if code >= desk.Unknown {
			break
		}
	}
	return worst, "no more bills"
}

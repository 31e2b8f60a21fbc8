// Window collects and refunds over a line, with a ledger in a file.
//
//	window -home DIR -line tcp:127.0.0.1:7000 collect B-1 +12.34
//	window -home DIR -line serial:/dev/ttyUSB0 refund ORDER -5.00 OPERATOR APPROVER [ITEM]
//
// DIR holds terminal.key and site.secret (32 bytes each), terminal.id, device.id, and the signed files agreement.hispos
// and devices.hispos. The ledger is made there.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"hispos-client/hispos"
	"hispos-client/internal/desk"
)

func main() {
	home := flag.String("home", "", "the folder of the window")
	line := flag.String("line", "", "tcp:HOST:PORT or serial:PATH")
	flag.Parse()
	code, text := run(*home, *line, flag.Args())
	fmt.Println(text)
	os.Exit(code)
}

func run(home, line string, words []string) (int, string) {
	const usage = "usage: window -home DIR -line LINE collect BILL AMOUNT | refund ORDER AMOUNT OPERATOR APPROVER [ITEM]"
	isCollect := len(words) == 3 && words[0] == "collect"
	isRefund := (len(words) == 5 || len(words) == 6) && words[0] == "refund"
	if home == "" || line == "" || !isCollect && !isRefund {
		return desk.Usage, usage
	}
	fen, err := hispos.ParseAmount(words[2])
	if err != nil {
		return desk.Usage, err.Error()
	}
	window, err := desk.Open(home, line)
	if err != nil {
		return desk.Refused, err.Error()
	}
	defer window.Close()
	window.Tell = func(event hispos.Event) { fmt.Printf("%T%+v\n", event, event) }
	return window.Pay(func(now int64) (string, error) {
		if isCollect {
			return window.Link.Collect(words[1], fen, 0, now)
		}
		wanted := hispos.Refund{OrderNo: words[1], Fen: fen, Operator: words[3], Approver: words[4], Reason: "refund"}
		if len(words) == 6 {
			wanted.Item = words[5]
		}
		return window.Link.Refund(wanted, 0, now)
	}, 5*time.Minute)
}

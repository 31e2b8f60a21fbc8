// Terminal takes orders from a HIS over a line, with a journal in a file and the simulated platform.
//
//	terminal -home DIR -line listen:127.0.0.1:7000 -credentials FILE -platform http://127.0.0.1:7100
//
// DIR holds device.key (32 bytes), device.id, and the signed files agreement.hispos and terminals.hispos. The journal is
// made there. A code is what a payer shows: a line of the standard input, or with -codes the next one of a list for each
// order that waits.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"

	"hispos-client/hispos"
	"hispos-client/internal/simulated"
	"hispos-client/internal/terminal"
	"hispos-client/transport"
)

const notUsable = 5

func main() {
	home := flag.String("home", "", "the folder of the terminal")
	line := flag.String("line", "", "listen:HOST:PORT or serial:PATH")
	credentials := flag.String("credentials", "", "the platform's credentials.json")
	platform := flag.String("platform", "", "the platform's address")
	codes := flag.String("codes", "", "codes that payers show, with commas between them")
	flag.Parse()
	if err := run(*home, *line, *credentials, *platform, *codes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(notUsable)
	}
}

func run(home, line, credentials, platform, codes string) error {
	adapters, err := simulated.Platforms(credentials, platform)
	if err != nil {
		return err
	}
	till, err := terminal.Open(home, line, adapters)
	if err != nil {
		return err
	}
	payers := strings.FieldsFunc(codes, func(letter rune) bool { return letter == ',' })
	till.Tell = func(event hispos.Event) {
		switch event := event.(type) {
		case hispos.Ended:
			meaning := hispos.StatusMeanings[event.Result.GetStatus()]
			fmt.Printf("Ended %s %v %s\n", event.OrderNo, event.Result.GetOutcome(), meaning.PatientZh)
		case hispos.Accepted:
			fmt.Printf("Accepted %s %s\n", event.OrderNo, hispos.ShowAmount(event.Amount))
			if event.Amount > 0 && len(payers) > 0 {
				show(till, payers[0], transport.BootClock())
				payers = payers[1:]
			}
		default:
			fmt.Printf("%T%+v\n", event, event)
		}
	}
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			code := lines.Text()
			till.Do(func(now int64) { show(till, code, now) })
		}
	}()
	fmt.Println("ready")
	return till.Serve(nil)
}

// show is a payer who holds a code before the scanner.
func show(till *terminal.Terminal, code string, now int64) {
	if err := till.Link.Scan(code, now); err != nil {
		fmt.Println("no payment code is taken:", err)
	}
}

//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
)

// terminals are the stories of the example terminal at the reference HIS, over both kinds of line.
func terminals(folder string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	wire, err := newTCPCable(address)
	if err != nil {
		return err
	}
	fmt.Println("the terminal over TCP")
	dialled := "dial:" + wire.listener.Addr().String()
	if err := terminalAt("TCP", filepath.Join(folder, "tcp"), wire, dialled, "listen:"+address); err != nil {
		return err
	}
	ports, err := newSerialCable()
	if err != nil {
		return err
	}
	fmt.Println("the terminal over a pseudo-terminal")
	return terminalAt("a pseudo-terminal", filepath.Join(folder, "pty"), ports, "serial:"+ports.ports[0], "serial:"+ports.ports[1])
}

func terminalAt(name, folder string, wire cable, hisLine, terminalLine string) error {
	found, err := newPlace(folder, wire, hisLine, terminalLine)
	if err != nil {
		return err
	}
	defer found.stop()
	if err := found.stories(); err != nil {
		return err
	}
	proved = append(proved, "POS over "+name+": a collect, a refund, a look-up, a cancel, a pulled cable, a kill of either side")
	return nil
}

func (p *place) stories() error {
	his, err := p.startHis()
	if err != nil {
		return err
	}
	if err := p.startTerminal("134567890123456700", "281234567890123400"); err != nil {
		return err
	}
	if err := p.collectAndRefund(); err != nil {
		return err
	}
	if err := p.pulled(); err != nil {
		return err
	}
	cancelled, err := p.begin("b-3")
	if err != nil {
		return err
	}
	if _, err := p.his("cancel", cancelled); err != nil {
		return err
	}
	if err := p.expect("b-3", "not_paid"); err != nil {
		return err
	}
	if err := p.lookedUp(); err != nil {
		return err
	}
	if _, err := p.begin("b-4"); err != nil {
		return err
	}
	end(p.terminal.program)
	fmt.Println("  the terminal is killed before a code")
	if err := p.startTerminal(); err != nil {
		return err
	}
	if err := p.expect("b-4", "not_paid"); err != nil {
		return err
	}
	since := p.terminal.size()
	if _, err := p.begin("b-5"); err != nil {
		return err
	}
	end(his)
	fmt.Println("  the HIS is killed before it is paid")
	if _, err := fmt.Fprintln(p.terminal.input, "134567890123456800"); err != nil {
		return err
	}
	if _, err := p.terminal.wait("Ended ", since); err != nil {
		return err
	}
	if _, err := p.startHis(); err != nil {
		return err
	}
	return p.expect("b-5", "paid")
}

func (p *place) collectAndRefund() error {
	output, err := p.his("collect", "--bill", "b-1", "+12.34", "--window", terminal, "--patience", "90")
	if err != nil {
		return err
	}
	number := orderIn(output)
	fmt.Println("  collected:", number)
	people := []string{"--operator", "1001", "--approver", "2001", "--reason", "wrong item", "--window", terminal}
	if _, err = p.his(append([]string{"refund", number, "-5.00"}, people...)...); err != nil {
		return err
	}
	fmt.Println("  refunded a part of", number)
	return nil
}

// lookedUp is an order that the HIS has looked up while its code is awaited: it ends, and nobody can pay it any more.
func (p *place) lookedUp() error {
	number, err := p.begin("b-6")
	if err != nil {
		return err
	}
	if _, err := p.his("look", number); err != nil {
		return err
	}
	return p.expect("b-6", "not_paid")
}

func (p *place) pulled() error {
	since := p.terminal.size()
	if _, err := p.begin("b-2"); err != nil {
		return err
	}
	p.cable.pull()
	fmt.Println("  the cable is pulled")
	if _, err := p.terminal.wait("Ended ", since); err != nil {
		return err
	}
	p.cable.plug()
	return p.expect("b-2", "paid")
}

// orderIn gives the first order number of an answer.
func orderIn(output []byte) string {
	var said any
	decoder := json.NewDecoder(bytes.NewReader(output))
	for decoder.Decode(&said) == nil {
		if number := numberIn(said); number != "" {
			return number
		}
	}
	return ""
}

func numberIn(value any) string {
	switch value := value.(type) {
	case map[string]any:
		if number, isThere := value["order_no"].(string); isThere {
			return number
		}
		for _, inner := range value {
			if number := numberIn(inner); number != "" {
				return number
			}
		}
	case []any:
		for _, inner := range value {
			if number := numberIn(inner); number != "" {
				return number
			}
		}
	}
	return ""
}

// Package simulated is payment code for the simulated platform of hispos, as a vendor writes it for his: a dialect, and
// no money rule.
package simulated

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"hispos-client/hispos"
	pb "hispos-client/internal/messages"
	"hispos-client/transport"
)

const (
	answerBytesMax = 65_536
	subject        = "医院缴费"
)

// Platform is one merchant of the simulated platform.
type Platform struct {
	Merchant         hispos.Merchant
	place            string
	channel          string
	secret, reversal []byte
}

type credential struct {
	Channel           string `json:"channel"`
	Account           string `json:"account"`
	SubAccount        string `json:"sub_account"`
	SecretHex         string `json:"secret_hex"`
	ReversalSecretHex string `json:"reversal_secret_hex"`
}

// Platforms are the merchants of a credentials.json.
func Platforms(credentials, url string) (map[hispos.Merchant]hispos.Adapter, error) {
	data, err := os.ReadFile(credentials)
	if err != nil {
		return nil, err
	}
	var read struct {
		Merchants []credential `json:"merchants"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return nil, fmt.Errorf("%s: %w", credentials, err)
	}
	found := map[hispos.Merchant]hispos.Adapter{}
	for _, row := range read.Merchants {
		secret, err := hex.DecodeString(row.SecretHex)
		reversal, reversalErr := hex.DecodeString(row.ReversalSecretHex)
		if err := errors.Join(err, reversalErr); err != nil {
			return nil, fmt.Errorf("%s: %w", credentials, err)
		}
		channel := pb.Channel_CHANNEL_WECHAT
		if row.Channel == "alipay" {
			channel = pb.Channel_CHANNEL_ALIPAY
		}
		merchant := hispos.Merchant{
			Channel: channel, Account: row.Account, SubAccount: row.SubAccount, Simulated: true,
		}
		place := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
		found[merchant] = &Platform{merchant, place, row.Channel, secret, reversal}
	}
	return found, nil
}

// Profile is the table of the channel.
func (p *Platform) Profile() hispos.Profile {
	if p.Merchant.Channel == pb.Channel_CHANNEL_ALIPAY {
		return hispos.ProfileAlipay
	}
	return hispos.ProfileWechatV2
}

type members map[string]any

// Verify asks for the credentials, also those of reverses and refunds.
func (p *Platform) Verify(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	return p.call("/v1/verify", ask, members{"reversal": true}, true)
}

// Query asks for an order.
func (p *Platform) Query(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	return p.call("/v1/query", ask, members{}, false)
}

// Pay pays by a code, until an absolute instant.
func (p *Platform) Pay(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	more := members{"total": ask.Total, "expires_at": ask.ExpiresAt, "subject": subject, "code": string(ask.Code)}
	return p.call("/v1/pay", ask, more, false)
}

// Reverse closes, or gives back.
func (p *Platform) Reverse(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	return p.call("/v1/reverse", ask, members{}, true)
}

// Refund gives a part back.
func (p *Platform) Refund(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	more := members{"refund_number": ask.RefundNumber, "amount": ask.Fen, "total": ask.Total}
	return p.call("/v1/refund", ask, more, true)
}

// QueryRefund asks for a refund.
func (p *Platform) QueryRefund(ask *hispos.Ask) (*hispos.PlatformAnswer, error) {
	return p.call("/v1/refund-query", ask, members{"refund_number": ask.RefundNumber}, false)
}

func sign(secret []byte, parts ...[]byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(bytes.Join(parts, nil))
	return hex.EncodeToString(mac.Sum(nil))
}

func (p *Platform) call(
	path string, ask *hispos.Ask, said members, isReversal bool,
) (*hispos.PlatformAnswer, error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return nil, &hispos.NoAnswer{Ended: transport.BootClock(), Why: err}
	}
	said["channel"], said["account"], said["sub_account"] = p.channel, p.Merchant.Account, p.Merchant.SubAccount
	said["nonce"] = hex.EncodeToString(nonce)
	if ask.Number != "" {
		said["number"] = ask.Number
	}
	body, err := json.Marshal(said)
	if err != nil {
		return nil, &hispos.NoAnswer{Ended: transport.BootClock(), Why: err}
	}
	signed := fmt.Appendf(nil, "POST\n%s\n%s", path, body)
	signature := sign(p.secret, signed)
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\nHispos-Sim-Signature: %s\r\n", path, p.place, signature)
	if isReversal {
		fmt.Fprintf(&request, "Hispos-Sim-Reversal-Signature: %s\r\n", sign(p.reversal, signed))
	}
	fmt.Fprintf(&request, "Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	request.Write(body)
	whole, firstByte, err := p.exchange(request.Bytes(), ask)
	ended := transport.BootClock()
	if err != nil {
		return nil, &hispos.NoAnswer{FirstByte: firstByte, Ended: ended, Why: err}
	}
	answer, err := p.read(whole, signature)
	if err != nil {
		return nil, &hispos.NoAnswer{FirstByte: firstByte, Ended: ended, Why: err}
	}
	answer.FirstByte, answer.Ended = *firstByte, ended
	return answer, nil
}

// exchange is one request on one connection (PAY-3 to PAY-8).
func (p *Platform) exchange(request []byte, ask *hispos.Ask) (answer []byte, firstByte *int64, err error) {
	line, err := net.DialTimeout("tcp", p.place, time.Duration(ask.Connect)*time.Millisecond)
	if err != nil {
		return nil, nil, err
	}
	defer line.Close()
	now := transport.BootClock()
	if ask.NotAfter != 0 && now >= ask.NotAfter {
		return nil, nil, errors.New("too late to write")
	}
	err = line.SetDeadline(time.Now().Add(time.Duration(ask.HTTP) * time.Millisecond))
	if err == nil {
		_, err = line.Write(request)
	}
	if err == nil {
		answer, err = io.ReadAll(io.LimitReader(line, answerBytesMax+1))
	}
	if err == nil && len(answer) > answerBytesMax {
		err = errors.New("too long an answer")
	}
	if tcp, isTCP := line.(*net.TCPConn); err != nil && isTCP {
		// The end is a reset: nothing more of the request is sent (PAY-8).
		err = errors.Join(err, tcp.SetLinger(0))
	}
	return answer, &now, err
}

// told are the members of an answer.
type told struct {
	Simulated    bool    `json:"simulated"`
	Code         string  `json:"code"`
	SubCode      string  `json:"sub_code"`
	Account      *string `json:"account"`
	SubAccount   *string `json:"sub_account"`
	Number       *string `json:"number"`
	TradeState   *string `json:"trade_state"`
	Total        *int64  `json:"total"`
	Currency     *string `json:"currency"`
	PaymentNo    *string `json:"payment_no"`
	CapturedAt   *uint64 `json:"captured_at"`
	Refunded     *int64  `json:"refunded"`
	RefundNumber *string `json:"refund_number"`
	Amount       *int64  `json:"amount"`
	RefundID     *string `json:"refund_id"`
	RefundStatus *string `json:"refund_status"`
	FundChange   *string `json:"fund_change"`
	RefundedAt   *uint64 `json:"refunded_at"`
}

func (p *Platform) read(whole []byte, signature string) (*hispos.PlatformAnswer, error) {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(whole)), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	expected := sign(p.secret, fmt.Appendf(nil, "200\n%s\n", signature), body)
	isSigned := hmac.Equal([]byte(expected), []byte(response.Header.Get("Hispos-Sim-Signature")))
	isWhole := response.ContentLength == int64(len(body))
	if response.StatusCode != http.StatusOK || !isSigned || !isWhole {
		return nil, fmt.Errorf("status %d, signed %t, whole %t", response.StatusCode, isSigned, isWhole)
	}
	var said told
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	isNegative := func(fen *int64) bool { return fen != nil && *fen < 0 }
	isWrong := isNegative(said.Total) || isNegative(said.Refunded) || isNegative(said.Amount)
	if !said.Simulated || said.Code == "" || isWrong {
		return nil, errors.New("no answer of a simulated platform")
	}
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return nil, err
	}
	return &hispos.PlatformAnswer{Date: uint64(date.Unix()), Reply: hispos.Reply{
		Code: said.Code, SubCode: said.SubCode, Account: said.Account, SubAccount: said.SubAccount,
		Number: said.Number, TradeState: said.TradeState, Total: said.Total, Currency: said.Currency,
		PaymentNo: said.PaymentNo, CapturedAt: said.CapturedAt, Refunded: said.Refunded,
		RefundNumber: said.RefundNumber, RefundAmount: said.Amount, RefundID: said.RefundID,
		RefundStatus: said.RefundStatus, FundChange: said.FundChange, RefundedAt: said.RefundedAt,
	}}, nil
}

package trouble

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/proxy"
)

// alerts are the texts of crypto/tls, which has no types for them.
var alerts = []struct {
	class Class
	marks []string
}{
	{OwnCertificate, []string{
		"(the account's own certificate, tls.cert_file, has expired", "tls: certificate required", "tls: unknown certificate authority", "tls: bad certificate",
		"tls: revoked certificate", "tls: expired certificate",
	}},
	{TLSVersion, []string{"protocol version not supported", "selected unsupported protocol version"}},
	{CertName, []string{"remote error: tls: unrecognized name"}},
	{CertInvalid, []string{"-bit keys are insecure"}},
}

// tlsClass knows what fails in the handshake.
func tlsClass(err error) Class {
	switch {
	case errors.Is(err, config.ErrPinMismatch):
		return PinMismatch
	case errors.Is(err, pop3.ErrNoSTLS):
		return TLSNotOffered
	case errors.Is(err, pop3.ErrInjected):
		return TLSInjected
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return CertExpired
		}
		return CertInvalid
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return CertName
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return CertUnknown
	}
	text := err.Error()
	for _, a := range alerts {
		if slices.ContainsFunc(a.marks, func(mark string) bool { return strings.Contains(text, mark) }) {
			return a.class
		}
	}
	if isTLS(err) {
		return TLSRefused
	}
	return ""
}

// isTLS reports whether an error is one of the handshake itself, and not of the line below it.
func isTLS(err error) bool {
	_, alert := errors.AsType[tls.AlertError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	text := err.Error()
	return alert || verify || record || strings.Contains(text, "remote error: tls: ") || strings.Contains(text, "TLS handshake: tls: ")
}

// protocolClass knows the servers that break the protocol.
func protocolClass(err error) Class {
	switch {
	case errors.Is(err, pop3.ErrNotPOP3):
		return NotPOP3
	case errors.Is(err, pop3.ErrNoTimestamp):
		return LoginMethod
	case mailbox.EndlessLine(err), mailbox.EndlessList(err), errors.Is(err, pop3.ErrLineTooLong), errors.Is(err, pop3.ErrListTooLong):
		return EndlessReply
	case mailbox.OutOfStep(err), errors.Is(err, pop3.ErrDesync), errors.Is(err, pop3.ErrStatDiffers):
		return OutOfStep
	}
	if _, fault := errors.AsType[mailbox.Fault](err); fault {
		return OutOfStep
	}
	return ""
}

// proxyClass knows the failures of a proxy. It refuses in words of its own.
func proxyClass(err error) Class {
	failed, ok := errors.AsType[*proxy.Error](err)
	if !ok {
		return ""
	}
	for _, mark := range []string{"user name", "it answered 403", "it answered 407", "not allowed by ruleset", "authentication"} {
		if strings.Contains(failed.Error(), mark) {
			return ProxyRefused
		}
	}
	return ProxyFailed
}

// limits are the entries of timeouts, see package pop3.
var limits = map[string]Class{
	"dial": ConnectTimeout, "tls": TLSTimeout, "greeting": GreetingTimeout, "reply": ReplyTimeout, "idle": TransferTimeout, "session": SessionTimeout,
}

// timeoutClass knows the waits that ended. A name server that does not answer is for networkClass.
func timeoutClass(err error) Class {
	if _, name := errors.AsType[*net.DNSError](err); name {
		return ""
	}
	if limited, ok := errors.AsType[interface {
		error
		Limit() string
	}](err); ok {
		if c, ok := limits[limited.Limit()]; ok {
			return c
		}
		return ReplyTimeout
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Timeout() {
		if op.Op == "dial" {
			return ConnectTimeout
		}
		return ReplyTimeout
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return ReplyTimeout
	}
	return ""
}

// networkClass knows what is left of the network's errors.
func networkClass(err error) Class {
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		if name.IsNotFound {
			return DNSNotFound
		}
		return DNSFailed
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return DNSNotFound
	}
	op, dialing := errors.AsType[*net.OpError](err)
	dialing = dialing && op.Op == "dial"
	switch {
	case tooManyFiles(err):
		return TooManyFiles
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EHOSTDOWN), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Unreachable
	case dialing:
		return ConnectFailed
	case op != nil, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED), errors.Is(err, syscall.ETIMEDOUT):
		return ConnectionLost
	}
	return ""
}

func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

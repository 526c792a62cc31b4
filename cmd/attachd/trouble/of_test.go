package trouble_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/proxy"
	"github.com/attachd/attachd/fetcher/session"
)

// samples has an error for each exported type and value of the packages that a poll is made of.
var samples = map[string]struct {
	err   error
	class trouble.Class
}{
	"config.CommandError":   {failingCommand(), trouble.SecretCommand},
	"config.ReadError":      {&config.ReadError{What: "password_file /etc/x", Secret: true, Err: fs.ErrNotExist}, trouble.SecretUnreadable},
	"config.Problem":        {config.Problem{}, trouble.ConfigFaulty},
	"config.Problems":       {config.Problems{{}}, trouble.ConfigFaulty},
	"config.ErrPinMismatch": {config.ErrPinMismatch, trouble.PinMismatch},

	"extractor.LimitError":          {&extractor.LimitError{Limit: "depth", Value: 1}, trouble.MessageUnread},
	"extractor.PanicError":          {&extractor.PanicError{Value: "a fault"}, trouble.MessageUnread},
	"extractor/sink.PiecesError":    {&sink.PiecesError{}, trouble.MessageUnread},
	"extractor/sink.GroupError":     {&sink.GroupError{Err: syscall.EPERM}, trouble.GroupRefused},
	"extractor/sink.RoomError":      {&sink.RoomError{}, trouble.DiskReserved},
	"extractor/sink.ErrOtherFolder": {sink.ErrOtherFolder, trouble.StagedElsewhere},
	"extractor/sink.ErrNotSynced":   {sink.ErrNotSynced, trouble.Internal},

	"fetcher.AccountError":                {&fetcher.AccountError{Account: "a", Err: syscall.ECONNREFUSED}, trouble.ConnectRefused},
	"fetcher/delivery.DestinationError":   {&delivery.DestinationError{}, trouble.OtherFolder},
	"fetcher/delivery.StaleError":         {&delivery.StaleError{}, trouble.StateOlder},
	"fetcher/delivery.UnprocessableError": {&delivery.UnprocessableError{Err: errors.New("x")}, trouble.MessageUnread},
	"fetcher/delivery.ErrStillDoubtful":   {delivery.ErrStillDoubtful, trouble.MessageUnread},
	"fetcher/identity.RenamedError":       {&identity.RenamedError{Before: []string{"b"}}, trouble.AccountRenamed},
	"fetcher/identity.UIDLsChangedError":  {&identity.UIDLsChangedError{}, trouble.UIDLsChanged},

	"fetcher/ledger.ErrDamaged":        {ledger.ErrDamaged, trouble.StateDamaged},
	"fetcher/ledger.ErrForeign":        {ledger.ErrForeign, trouble.StateForeign},
	"fetcher/ledger.ErrNewer":          {ledger.ErrNewer, trouble.StateNewer},
	"fetcher/ledger.ErrReadOnly":       {ledger.ErrReadOnly, trouble.StateReadOnly},
	"fetcher/ledger.ErrUnopenable":     {ledger.ErrUnopenable, trouble.StateUnopenable},
	"fetcher/ledger.ErrGone":           {ledger.ErrGone, trouble.StateGone},
	"fetcher/ledger.ErrBusy":           {ledger.ErrBusy, trouble.StateLocked},
	"fetcher/ledger.ErrDisk":           {ledger.ErrDisk, trouble.DiskFailed},
	"fetcher/ledger.ErrKnown":          {ledger.ErrKnown, trouble.AccountKnown},
	"fetcher/ledger.ErrFileLimit":      {fmt.Errorf("open it: %w: %w", syscall.EMFILE, ledger.ErrFileLimit), trouble.TooManyFiles},
	"fetcher/ledger.ErrLeased":         {ledger.ErrLeased, trouble.AccountLeased},
	"fetcher/ledger.ErrFenced":         {ledger.ErrFenced, trouble.AccountLeased},
	"fetcher/ledger.ErrQuarantineFull": {ledger.ErrQuarantineFull, trouble.QuarantineFull},
	"fetcher/ledger.TransitionError":   {&ledger.TransitionError{}, trouble.Internal},
	"fetcher/ledger/sqlite.ErrOwned":   {sqlite.ErrOwned, trouble.StateInUse},
	"fetcher/ledger/sqlite.ErrInUse":   {sqlite.ErrInUse, trouble.StateInUse},

	"fetcher/mailbox.StepError":    {&mailbox.StepError{}, trouble.OutOfStep},
	"fetcher/oauth.Error":          {&oauth.Error{Code: "invalid_client"}, trouble.TokenSettings},
	"fetcher/oauth.Refusal":        {&oauth.Refusal{Status: "401"}, trouble.TokenRefused},
	"fetcher/oauth.SignInError":    {&oauth.SignInError{Account: "a", Err: &oauth.Error{Code: "invalid_grant"}}, trouble.SignInEnded},
	"fetcher/oauth.ErrNoSignIn":    {&oauth.SignInError{Account: "a", Err: oauth.ErrNoSignIn}, trouble.SignInMissing},
	"fetcher/poll.IncompleteError": {&poll.IncompleteError{Failed: 1}, trouble.MessagesFailed},
	"fetcher/poll.OvertimeError":   {&poll.OvertimeError{Addr: "a:995", Undeleted: 3}, trouble.SessionTimeout},
	"fetcher/poll.NoRoomError":     {&poll.NoRoomError{}, trouble.DiskReserved},
	"fetcher/poll.ErrNoMemory":     {poll.ErrNoMemory, trouble.MemoryShort},
	"fetcher/poll.ErrNotKept":      {poll.ErrNotKept, trouble.MessagesNotKept},
	"fetcher/pop3.Error":           {&pop3.Error{Cmd: "STAT", Text: "-ERR no"}, trouble.RequestRefused},
	"fetcher/pop3.ProtocolError":   {&pop3.ProtocolError{Err: pop3.ErrDesync}, trouble.OutOfStep},
	"fetcher/pop3.ErrStatDiffers":  {pop3.ErrStatDiffers, trouble.OutOfStep},
	"fetcher/pop3.ErrNoTimestamp":  {pop3.ErrNoTimestamp, trouble.LoginMethod},
	"fetcher/pop3.ErrNoSTLS":       {fmt.Errorf("STLS: %w", pop3.ErrNoSTLS), trouble.TLSNotOffered},
	"fetcher/pop3.ErrInjected":     {&pop3.ProtocolError{Err: pop3.ErrInjected}, trouble.TLSInjected},
	"fetcher/pop3.ErrNotPOP3":      {&pop3.ProtocolError{Err: pop3.ErrNotPOP3}, trouble.NotPOP3},
	"fetcher/pop3.ErrLineTooLong":  {&pop3.ProtocolError{Err: pop3.ErrLineTooLong}, trouble.EndlessReply},
	"fetcher/pop3.ErrListTooLong":  {&pop3.ProtocolError{Err: pop3.ErrListTooLong}, trouble.EndlessReply},
	"fetcher/pop3.ErrDesync":       {pop3.ErrDesync, trouble.OutOfStep},
	"fetcher/proxy.Error":          {&proxy.Error{Name: "socks5://p", Err: syscall.ECONNREFUSED}, trouble.ProxyFailed},
	"fetcher/session.LoginError":   {&session.LoginError{Err: errors.New("server offers only PLAIN")}, trouble.LoginMethod},
}

// failingCommand returns the error of a password_command that fails.
func failingCommand() error {
	_, err := config.CommandSecret("sh", "-c", "echo locked >&2; exit 3").Resolve(context.Background())
	return err
}

// neverEnd are the errors that no poll ends with, and why.
var neverEnd = map[string]string{
	"extractor/tnef.ErrFormat":           "a winmail.dat that is none is delivered as it is",
	"extractor/tnef.LimitError":          "becomes an extractor.LimitError",
	"extractor/cms.ErrFormat":            "a signed message that is none is delivered as it is",
	"extractor/mailfile.UnreadableError": "attachd extract alone reads mail files",
	"config/edit.PlaceError":             "attachd account and init alone change the configuration",
	"config/edit.ErrNoAccount":           "attachd account alone changes one of its accounts",
}

// TestEveryErrorHasAClass reads the sources for exported errors, so that a new one needs a class.
func TestEveryErrorHasAClass(t *testing.T) {
	t.Parallel()
	found := exportedErrors(t)
	if len(found) < 40 {
		t.Errorf("found %d exported errors in the sources: does this test still look in the right place?", len(found))
	}
	for _, name := range found {
		sample, known := samples[name]
		switch _, never := neverEnd[name]; {
		case never && known:
			t.Errorf("%s is in both tables", name)
		case never:
		case !known:
			t.Errorf("%s has no class: give it one in package trouble, and a sample here", name)
		default:
			for _, err := range []error{sample.err, fmt.Errorf("do something: %w", sample.err), errors.Join(sample.err, errors.New("and more"))} {
				got := trouble.Of("mail.example.org:995", err)
				if got.Class != sample.class || got.Step == "" || !strings.HasSuffix(err.Error(), got.Text) {
					t.Errorf("%s: %+v, want class %s", name, got, sample.class)
				}
			}
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(samples)), slices.Collect(maps.Keys(neverEnd))) {
		if !slices.Contains(found, name) {
			t.Errorf("%s is not in the sources any more", name)
		}
	}
}

// exportedErrors returns the exported error types, and variables that begin with Err, of what a
// poll is made of: "fetcher/pop3.Error".
func exportedErrors(t *testing.T) (names []string) {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	for _, top := range []string{"fetcher", "extractor", "config"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && (entry.Name() == "testdata" || strings.HasSuffix(entry.Name(), "test")) {
				return filepath.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(path))
			for _, name := range errorsIn(file) {
				names = append(names, filepath.ToSlash(folder)+"."+name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func errorsIn(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || d.Name.Name != "Error" || d.Type.Params.NumFields() > 0 {
				continue
			}
			of := d.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if name, ok := of.(*ast.Ident); ok && name.IsExported() {
				names = append(names, name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
					for _, name := range values.Names {
						if strings.HasPrefix(name.Name, "Err") {
							names = append(names, name.Name)
						}
					}
				}
			}
		}
	}
	return names
}

// TestOfTheSystem sorts what the system, crypto/tls and the network say.
func TestOfTheSystem(t *testing.T) {
	t.Parallel()
	dial := func(err error) error {
		return fmt.Errorf("connect to a:995: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)})
	}
	verify := func(err error) error {
		return fmt.Errorf("connect to a:995: TLS handshake: %w", &tls.CertificateVerificationError{Err: err})
	}
	file := func(err error) error {
		return fmt.Errorf("open output: %w", &fs.PathError{Op: "open", Path: "/out", Err: err})
	}
	cert := &x509.Certificate{}
	for _, test := range []struct {
		err   error
		class trouble.Class
		step  string
	}{
		{dial(syscall.ECONNREFUSED), trouble.ConnectRefused, "connect"},
		{dial(syscall.EHOSTUNREACH), trouble.Unreachable, "connect"},
		{dial(syscall.ETIMEDOUT), trouble.ConnectTimeout, "connect"},
		{dial(syscall.ECONNRESET), trouble.ConnectFailed, "connect"},
		{dial(syscall.EMFILE), trouble.TooManyFiles, "output"},
		{fmt.Errorf("connect to a:995: %w", &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}), trouble.DNSNotFound, "connect"},
		{fmt.Errorf("connect to a:995: %w", &net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true, IsTemporary: true}}), trouble.DNSFailed, "connect"},
		{verify(x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}), trouble.CertExpired, "tls"},
		{verify(x509.CertificateInvalidError{Cert: cert, Reason: x509.NotAuthorizedToSign}), trouble.CertInvalid, "tls"},
		{verify(x509.HostnameError{Certificate: cert, Host: "a"}), trouble.CertName, "tls"},
		{verify(x509.UnknownAuthorityError{Cert: cert}), trouble.CertUnknown, "tls"},
		{verify(errors.New("x")), trouble.TLSRefused, "tls"},
		{errors.New("connect to a:995: TLS handshake: remote error: tls: handshake failure"), trouble.TLSRefused, "tls"},
		{errors.New("connect to a:995: TLS handshake: remote error: tls: protocol version not supported: update"), trouble.TLSVersion, "tls"},
		{errors.New("connect to a:995: TLS handshake: remote error: tls: certificate required"), trouble.OwnCertificate, "tls"},
		{errors.New("connect to a:995: TLS handshake: remote error: tls: unrecognized name"), trouble.CertName, "tls"},
		{&config.ReadError{What: "ca_file /x", Err: fs.ErrNotExist}, trouble.CertificateFile, "tls"},
		{&config.ReadError{What: "token_command get", Secret: true, Err: errors.New("no result within 30s")}, trouble.SecretCommand, "secret"},
		{&oauth.Error{Status: 503}, trouble.TokenServer, "secret"},
		{fmt.Errorf("get an access token: %w", syscall.ECONNREFUSED), trouble.TokenServer, "secret"},
		{fmt.Errorf("retrieve message 3 of a:995: server closed the connection within a message: %w", io.ErrUnexpectedEOF), trouble.ConnectionLost, "retrieve"},
		{&session.LoginError{Err: fmt.Errorf("connection failed: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET})}, trouble.ConnectionLost, "login"},
		{&proxy.Error{Name: "http://p", Err: errors.New("connect to a:995: it wants a user name and a password")}, trouble.ProxyRefused, "connect"},
		{file(syscall.ENOSPC), trouble.DiskFull, "output"},
		{file(syscall.EDQUOT), trouble.DiskFull, "output"},
		{file(syscall.EROFS), trouble.DiskReadOnly, "output"},
		{file(syscall.EIO), trouble.DiskFailed, "output"},
		{file(syscall.EACCES), trouble.OutputForbidden, "output"},
		{file(syscall.ENOENT), trouble.OutputDisturbed, "output"},
		{file(syscall.ENOTDIR), trouble.OutputName, "output"},
		{file(syscall.EFBIG), trouble.FileTooLarge, "output"},
		{fmt.Errorf("retrieve 1 messages from a:995: %w; the first: %w", poll.ErrNotKept, file(syscall.EFBIG)), trouble.FileTooLarge, "output"},
		{fmt.Errorf("retrieve 1 messages from a:995: %w; the first: %w", poll.ErrNotKept, file(syscall.EILSEQ)), trouble.OutputName, "output"},
		{fmt.Errorf("stage in /out: %w", &sink.RoomError{Path: "/out"}), trouble.DiskReserved, "output"},
		{&delivery.DestinationError{Account: "a", Place: "/out", Gone: true}, trouble.FolderGone, "output"},
		{&poll.IncompleteError{Unfetchable: "3 messages have no UIDL"}, trouble.Unfetchable, "messages"},
		{&poll.IncompleteError{NoRoom: 2, Failed: 1}, trouble.QuarantineFull, "messages"},
		{fmt.Errorf("list messages of a:995: %w", &pop3.Error{Cmd: "UIDL", Text: "-ERR unknown command"}), trouble.UIDLMissing, "list"},
		{&pop3.Error{Text: "-ERR [SYS/TEMP] later", Code: "SYS/TEMP"}, trouble.ServerPassing, "connect"},
		{&pop3.Error{Cmd: "STAT", Text: "-ERR [SYS/PERM] broken", Code: "SYS/PERM"}, trouble.ServerLasting, "list"},
		{context.Canceled, trouble.Stopped, "connect"},
		{errors.New("something new"), trouble.Other, "connect"},
	} {
		got := trouble.Of("a:995", test.err)
		if got.Class != test.class || got.Step != test.step {
			t.Errorf("%v: %s at %s, want %s at %s", test.err, got.Class, got.Step, test.class, test.step)
		}
		if atHome := slices.Contains([]string{"state", "output"}, got.Step); (got.Host == "") != atHome {
			t.Errorf("%v: host %q at step %s", test.err, got.Host, got.Step)
		}
	}
}

// TestLogin sorts what servers really say to logins.
func TestLogin(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]trouble.Class{
		"-ERR [AUTH] Authentication failed, check your password or contact your administrator": trouble.LoginRefused,
		"-ERR [AUTH] Username and password not accepted.":                                      trouble.LoginRefused,
		"-ERR Logon failure: unknown user name or bad password.":                               trouble.LoginRefused,
		"-ERR invalid login, try again later":                                                  trouble.LoginRefused,
		"-ERR nope":                                                                            trouble.LoginRefused,
		"-ERR [AUTH] Application-specific password required: https://support.google.com/accounts/answer/185833": trouble.LoginAppPassword,
		"-ERR [AUTH] Web login required: https://support.google.com/mail/bin/answer.py?answer=78754":            trouble.LoginAppPassword,
		"-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page":     trouble.LoginPOPDisabled,
		"-ERR permission denied":                                              trouble.LoginNotPermitted,
		"-ERR [AUTH] Access denied for this mailbox":                          trouble.LoginNotPermitted,
		"-ERR account is locked":                                              trouble.LoginLocked,
		"-ERR APOP not supported":                                             trouble.LoginMethod,
		"-ERR [SYS/TEMP] Temporary authentication failure. [mail:2026-11-27]": trouble.LoginUnavailable,
		"-ERR Temporary authentication failure":                               trouble.LoginUnavailable,
		"-ERR [SYS/TEMP] user database is down":                               trouble.LoginUnavailable,
		"-ERR internal server error, try later":                               trouble.LoginUnavailable,
		"-ERR [IN-USE] Mailbox is locked by another session":                  trouble.MailboxInUse,
		"-ERR maildrop already locked":                                        trouble.MailboxInUse,
		"-ERR [LOGIN-DELAY] minimum time between mail checks violation":       trouble.Throttled,
		"-ERR [SYS/TEMP] too many logins, wait 15 minutes":                    trouble.Throttled,
	} {
		code := ""
		if rest, ok := strings.CutPrefix(text, "-ERR ["); ok {
			code, _, _ = strings.Cut(rest, "]")
		}
		err := &session.LoginError{Addr: "a:995", Mechanism: "USER/PASS", Err: &pop3.Error{Cmd: "PASS", Code: code, Text: text}}
		if got := trouble.Of("a:995", err); got.Class != want || got.Step != "login" {
			t.Errorf("%s: %s at %s, want %s", text, got.Class, got.Step, want)
		}
	}
	token := &session.LoginError{Mechanism: "XOAUTH2", Err: &pop3.Error{Cmd: "AUTH", Text: "-ERR nope"}}
	if got := trouble.Of("a:995", token); got.Class != trouble.TokenRefused {
		t.Errorf("XOAUTH2: %s", got.Class)
	}
}

package fetcher

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// weirdCase is one thing that servers in the field do, with what attachd does then.
type weirdCase struct {
	number int
	group  string
	server string
	we     string
	// test, or elsewhere: "FILE TEST".
	test      func(t *testing.T)
	elsewhere string
}

// weirdCases lists what POP3 servers in the field do. Most cases play a script through whole polls
// and check the outcome: what was delivered byte for byte, that nothing is delivered twice or
// deleted too early, and which commands the server saw.
var weirdCases = []weirdCase{
	{1, "Framing", "sends bare LF everywhere", "accept", sendsWire("one\n\ntext\n", "+OK\none\n\ntext\n.\r\n"), ""},
	{2, "Framing", "ends a message with dot and bare LF", "accept", sendsWire("one\r\n", "+OK\r\none\r\n.\n"), ""},
	{3, "Framing", "sends each byte in a segment of its own", "accept", byteByByte, ""},
	{4, "Framing", "sends no CRLF before the final dot (Exchange 2000)", "ask NOOP behind a pause, whose reply shows that the message is over", noCRLF, ""},
	{5, "Framing", "stuffs as it should: .., ..., first line ..", "take off one dot", sendsWire(".\r\n..a\r\n...\r\n.\r\n", "+OK\r\n..\r\n...a\r\n....\r\n..\r\n.\r\n"), ""},
	{6, "Framing", "does not stuff a line .x", "keep the dot", sendsWire(".x\r\n..y\r\n", "+OK\r\n.x\r\n...y\r\n.\r\n"), ""},
	{7, "Framing", "does not stuff a lone dot; what follows may look like a reply", "do not deliver the cut copy; read it to its listed length, dots and all", loneDot, ""},
	{8, "Framing", "sends a lone dot behind a bare LF or CR", "LF ends a line, CR does not", loneDotBehind, ""},
	{9, "Framing", "sends lines of 4095 to 1,000,000 bytes", "no limit, each byte kept", longLines, ""},
	{10, "Framing", "sends NUL, 8-bit bytes, bare CR", "keep", sendsWire("a\x00b\xff\xfe\rc\x80\r\n", "+OK\r\na\x00b\xff\xfe\rc\x80\r\n.\r\n"), ""},
	{11, "Framing", "has messages that are empty, header only, body only", "deliver each", oddMessages, ""},
	{12, "Framing", "ends the connection before the dot, within a line, within CRLF; with close_notify, FIN or RST", "never take it for the end of the message", cutBeforeDot, ""},
	{13, "Framing", "never ends a message", "give up at the size limit, fetch the others", endlessMessage, ""},
	{14, "Framing", "drips a byte now and then", "want 4 KiB within eight pauses, and an end to the session", slowDrip, ""},

	{15, "Status", "answers +OK and nothing else", "accept", play{hook: answers("CAPA", "+OK\r\n.\r\n", "RETR 1", "+OK\r\none\r\n.\r\n", "STAT", "+OK\r\n", "NOOP", "+OK\r\n")}.test, ""},
	{16, "Status", "answers +ERR, +OKAY, an empty line, IMAP or HTTP; or +ok", "only +OK is OK, in any case of letters", onlyOK, ""},
	{17, "Status", "sends a status line of 8 KB", "accept up to 8 KiB", longStatus, ""},
	{18, "Status", "says +OK twice (FTGate)", "notice, do not believe the message, fetch the others", doubleOK, ""},
	{19, "Status", "sends -ERR without text, with an unknown code, with a code in lower case", "a refusal of that message", bareErr, ""},

	{20, "Greeting", "greets with no timestamp that APOP could answer, or with several", "send neither digest nor password", badTimestamps, ""},
	{21, "Greeting", "does not greet", "give up in time, and guess why", play{hasty: true, server: func(s *pop3test.Server) { s.Serve = hang }, want: none, left: 3, errs: []string{"no greeting within"}, never: everything}.test, ""},
	{22, "Greeting", "greets with -ERR", "show its words, send nothing", play{server: func(s *pop3test.Server) { s.Greeting = "-ERR [SYS/TEMP] come back later" }, want: none, left: 3, errs: []string{"come back later"}, never: everything}.test, ""},
	{23, "Greeting", "speaks TLS on the clear port, or the reverse", "say which it is", wrongPort, ""},

	{24, "CAPA", "refuses CAPA", "go on without", play{hook: answers("CAPA", "-ERR what?\r\n")}.test, ""},
	{25, "CAPA", "closes on CAPA", "ask again without, in the same poll", closesOnCapa, ""},
	{26, "CAPA", "never ends the list", "stop after 200 lines, ask again without", play{hook: on("CAPA", func(c *pop3test.Conn) {
		for c.Reply("+OK"); c.Send([]byte("X-ENDLESS\r\n")) == nil; {
		}
	})}.test, ""},
	{27, "CAPA", "sends a line that starts with a dot, not stuffed", "read on", play{hook: answers("CAPA", "+OK\r\n.x\r\nUIDL\r\n.\r\n")}.test, ""},
	{28, "CAPA", "announces PIPELINING and UIDL only after the login", "ask again behind it", capaAfterLogin, ""},
	{29, "CAPA", "announces in lower case", "accept", play{hook: answers("CAPA", "+OK\r\nuidl\r\npipelining\r\n.\r\n")}.test, ""},
	{30, "CAPA", "answers STLS, and something is in the clear behind it", "stop: somebody on the line put it there", play{mode: pop3.StartTLS, server: func(s *pop3test.Server) { s.STLS = true }, hook: answers("STLS", "+OK\r\n+OK welcome\r\n"), want: none, left: 3, errs: []string{"injected"}, never: logins}.test, ""},
	{31, "CAPA", "lacks STLS, which is required", "send no login", play{mode: pop3.StartTLS, server: func(s *pop3test.Server) { s.Plaintext = true }, want: none, left: 3, errs: []string{"does not offer STLS"}, never: logins}.test, ""},

	{32, "Auth", "refuses the login with each code, or closes", "show its words, wait as the code says, never give up", refusedLogins, ""},
	{33, "Auth", "disconnects after 3 bad commands (Dovecot)", "send none but CAPA", play{hook: answers("CAPA", "-ERR 1\r\n"), never: []string{"AUTH", "HELP", "LANG", "UTF8", "XTND"}}.test, ""},
	{34, "Auth", "has passwords with spaces, UTF-8, %, of 200 bytes", "send as they are; never one with CR or LF", passwords, ""},

	{35, "Lists", "garbles UIDL, LIST and STAT in every way", "take the numbers and names that there are", garbledLists, ""},
	{36, "Lists", "lists a million messages", "memory stays bounded", nil, "identity/listing_test.go TestMillionMessages"},
	{37, "Lists", "has gaps, disorder, 0, negative and huge numbers", "leave out what is no number, try 0", play{hook: answers("UIDL", "+OK\r\n0 zero\r\n-1 minus\r\n9223372036854775808 huge\r\n3 uid-3\r\n1 uid-1\r\n2 uid-2\r\n.\r\n")}.test, ""},
	{38, "Lists", "has a UIDL list shorter or longer than LIST", "the UIDL list counts; what it lacks is told", unequalLists, ""},
	{39, "Lists", "cuts the connection inside a list", "ask again at once", once("UIDL", func(c *pop3test.Conn) { c.Reply("+OK", "1 uid-1"); c.Cut() }, ""), ""},
	{40, "Lists", "shows an empty or a shorter list once", "fetch nothing again afterwards", shortListOnce, ""},
	{41, "Lists", "changes all UIDLs (a migration)", "know the attachments by their bytes where duplicates are skipped", allUIDLsChanged, ""},
	{42, "Lists", "uses a UIDL again for another message", "another size is another message", nil, "listing_test.go TestSameUIDLOtherSize"},
	{43, "Lists", "reorders the messages", "the UIDL counts, not the number", reordered, ""},

	{44, "Retrieval", "refuses a RETR once, always, or with Download exceed", "fetch and delete the others, ask again later", refusedRetr, ""},
	{45, "Retrieval", "lists sizes that are 0, wrong, tenfold, 2^40", "a hint only", wrongSizes, ""},
	{46, "Retrieval", "drops or mixes pipelined replies, or disconnects", "believe none of the batch, ask again without pipelining", brokenPipelining, ""},
	{47, "Retrieval", "stops reading while we do not read", "few commands ahead", nil, "pop3/session_test.go TestBigMessages"},
	{48, "Retrieval", "drops us as idle while a message is taken apart", "keep what was received, fetch the rest", idleDrop, ""},
	{49, "Retrieval", "ends every session after a while (WildDuck, 60 s)", "get further with each poll", absoluteLimit, ""},

	{50, "Commit", "sees us killed at every step", "0 lost, 0 doubled", nil, "../cmd/attachd/kill_test.go TestKill"},
	{51, "Commit", "sees us stopped in a message", "commit what is whole, delete nothing", nil, "supervisor_test.go TestStopCommitsWhatIsStaged"},
	{52, "Commit", "drops the line at QUIT, refuses QUIT, does not answer it", "deletions stay pending, nothing is fetched again", quitFails, ""},
	{53, "Commit", "sees our disk fail at each step", "no DELE, no QUIT", nil, "order_test.go TestFailedStep"},
	{54, "Commit", "is polled with a ledger that is damaged or of another version", "stop loudly", nil, "ledger/sqlite/ledger_test.go TestOpenRefuses"},
	{55, "Commit", "has two daemons polling one mailbox", "one waits", twoDaemons, ""},
	{56, "Commit", "takes RETR and QUIT as consumed (Gmail)", "no QUIT while something is not committed", gmailModel, ""},
	{57, "Commit", "deletes on RETR", "deliver what came, once", deletesOnRetr, ""},
}

// TestCases plays every case, or checks that the test of the case exists elsewhere.
func TestCases(t *testing.T) {
	t.Parallel()
	for i, c := range weirdCases {
		if c.number != i+1 {
			t.Fatalf("case %d stands in the place of %d", c.number, i+1)
		}
		t.Run(fmt.Sprintf("%02d %s: %s", c.number, c.group, c.server), func(t *testing.T) {
			t.Parallel()
			if c.test != nil {
				c.test(t)
				return
			}
			file, name, _ := strings.Cut(c.elsewhere, " ")
			source, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(source, []byte("\nfunc "+name+"(t *testing.T)")) {
				t.Errorf("no test %s in %s (%v)", name, file, err)
			}
		})
	}
}

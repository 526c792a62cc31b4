package poll_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery/sinktest"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/mailbox/mailboxtest"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

// The tests of this file visit a store that speaks no protocol and deliver to a sink that
// is no folder: a visit knows neither POP3 nor directories.

// door is one account with a store behind it.
type door struct {
	store   *mailboxtest.Store
	sink    *sinktest.Memory
	ledger  *sqlite.Ledger
	account poll.Account
	poller  *poll.Poller
	past    poll.Past
}

func newDoor(t *testing.T, traits mailbox.Traits, messages ...mailboxtest.Message) *door {
	t.Helper()
	led, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { led.Close() })
	traits.Window = max(traits.Window, 1)
	d := &door{
		store: &mailboxtest.Store{Traits: traits}, sink: &sinktest.Memory{Room: 1 << 40}, ledger: led,
		poller: &poll.Poller{Log: zerolog.New(zerolog.NewTestWriter(t))},
	}
	d.account.OpenSession = func(context.Context, session.Options) (*session.Session, error) {
		box, err := d.store.Open()
		return &session.Session{Mailbox: box, Step: session.LoggingIn}, err
	}
	d.account.Name, d.account.Addr, d.account.Interval = "lab", "memory", time.Hour
	d.store.Add(messages...)
	return d
}

// visit makes one visit.
func (d *door) visit(t *testing.T) (poll.Result, error) {
	t.Helper()
	return d.poller.Visit(t.Context(), poll.Visit{
		Account: &d.account, Past: &d.past, Ledger: d.ledger, Sink: d.sink,
	})
}

// keys returns what is in the store.
func (d *door) keys() string {
	var keys []string
	for _, m := range d.store.Messages() {
		keys = append(keys, m.Key)
	}
	return strings.Join(keys, " ")
}

// delivered returns what was delivered, in order.
func (d *door) delivered() string {
	var all []string
	for _, body := range d.sink.Files() {
		_, text, _ := strings.Cut(string(body), "\r\n\r\n")
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// mail is a message with this text, as long as every other one of so many characters.
func mail(key, text string) mailboxtest.Message {
	return mailboxtest.Message{Key: key, Raw: fmt.Sprintf("Message-ID: <%s@example.org>\r\n\r\n%s", text, text)}
}

// TestDoor: what is new is delivered once, and deleted where that is wanted.
func TestDoor(t *testing.T) {
	t.Parallel()
	for _, traits := range []mailbox.Traits{
		{}, {Window: 8}, {StableKeys: true}, {StableKeys: true, CheapSizes: true}, {Consumes: true},
	} {
		for _, deletes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v, delete %t", traits, deletes), func(t *testing.T) {
				t.Parallel()
				d := newDoor(t, traits, mail("1", "one"), mail("2", "two"))
				d.account.Delete = deletes
				result, err := d.visit(t)
				if err != nil || result.Counts.Messages != 2 || result.Counts.Attachments != 2 || d.delivered() != "one two" {
					t.Fatalf("%+v, error %v, delivered %q", result, err, d.delivered())
				}
				if gone := deletes || traits.Consumes; gone != (d.keys() == "") {
					t.Errorf("left %q", d.keys())
				}
				d.store.Add(mail("3", "three"))
				d.sink.Take()
				if result, err := d.visit(t); err != nil || result.Counts.Messages != 1 || d.delivered() != "three" {
					t.Errorf("%+v, error %v, delivered %q", result, err, d.delivered())
				}
				if _, err := d.visit(t); err != nil || d.delivered() != "three" {
					t.Errorf("error %v, delivered %q", err, d.delivered())
				}
			})
		}
	}
}

// TestStableKeys: a key listed again after its deletion is examined, and so is a mailbox with
// other keys than before, unless keys are stable.
func TestStableKeys(t *testing.T) {
	t.Parallel()
	for _, stable := range []bool{false, true} {
		d := newDoor(t, mailbox.Traits{StableKeys: stable}, mail("1", "one"))
		d.account.Delete = true
		if _, err := d.visit(t); err != nil {
			t.Fatal(err)
		}
		d.store.Asked()
		d.store.Add(mail("1", "two"), mail("2", "six"))
		if _, err := d.visit(t); err != nil {
			t.Fatal(err)
		}
		asked := slices.Contains(d.store.Asked(), "Headers 1")
		want := map[bool]string{false: "one six two", true: "one six"}[stable]
		if asked == stable || d.delivered() != want {
			t.Errorf("stable %t: headers asked %t, delivered %q, want %q", stable, asked, d.delivered(), want)
		}
	}
}

// TestKeysChanged: a mailbox is not delivered a second time when all its keys changed, however
// stable they are: IMAP calls that another UIDVALIDITY.
func TestKeysChanged(t *testing.T) {
	t.Parallel()
	for _, stable := range []bool{false, true} {
		d := newDoor(t, mailbox.Traits{StableKeys: stable})
		for i := range 25 {
			d.store.Add(mail(fmt.Sprint("1-", i), fmt.Sprint("m", 100+i)))
		}
		if _, err := d.visit(t); err != nil {
			t.Fatal(err)
		}
		d.sink.Take()
		d.store = &mailboxtest.Store{Traits: d.store.Traits}
		for i := range 25 {
			d.store.Add(mail(fmt.Sprint("2-", i), fmt.Sprint("m", 100+i)))
		}
		_, err := d.visit(t)
		if _, changed := errors.AsType[*identity.UIDLsChangedError](err); !changed || d.delivered() != "" {
			t.Errorf("stable %t: error %v, delivered %q", stable, err, d.delivered())
		}
	}
}

// TestMissedOnce: a message that a listing lacked once is still deleted when it is due.
func TestMissedOnce(t *testing.T) {
	t.Parallel()
	for _, stable := range []bool{false, true} {
		d := newDoor(t, mailbox.Traits{StableKeys: stable}, mail("1", "one"), mail("2", "two"))
		d.account.Delete, d.account.DeleteAfter = true, time.Hour
		now := time.Now()
		d.poller.Now = func() time.Time { return now }
		whole := d.store
		for _, store := range []*mailboxtest.Store{whole, {Traits: whole.Traits}, whole, whole} {
			d.store = store
			if _, err := d.visit(t); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(2 * time.Hour)
		if _, err := d.visit(t); err != nil || d.keys() != "" || d.delivered() != "one two" {
			t.Errorf("stable %t: error %v, left %q, delivered %q", stable, err, d.keys(), d.delivered())
		}
	}
}

// TestLooking: a dry run and a check look into any store, and leave it as it is.
func TestLooking(t *testing.T) {
	t.Parallel()
	d := newDoor(t, mailbox.Traits{Consumes: true}, mail("1", "one"), mail("2", "two"))
	probe, err := poll.CheckNew(t.Context(), d.account, d.ledger, zerolog.Nop())
	if err != nil || probe.Waiting != 2 {
		t.Errorf("check: %+v, error %v", probe, err)
	}
	seen := &looker{}
	if err := poll.DryRun(t.Context(), d.account, d.ledger, nil, seen, zerolog.Nop()); err != nil || seen.found.New != 2 || seen.read != 2 {
		t.Errorf("dry run: %+v, error %v", seen, err)
	}
	if adopted, err := poll.Adopt(t.Context(), d.account, d.ledger, identity.Adoption{}, zerolog.Nop()); err != nil || adopted.Recorded != 2 {
		t.Errorf("adopted %+v, error %v", adopted, err)
	}
	if _, err := d.visit(t); err != nil || d.delivered() != "" || d.keys() != "1 2" {
		t.Errorf("error %v, delivered %q, left %q", err, d.delivered(), d.keys())
	}
}

// looker counts what a dry run tells.
type looker struct {
	found poll.Outlook
	read  int
}

func (l *looker) Found(o poll.Outlook) { l.found = o }
func (l *looker) Fetch(_ poll.Foreseen, body io.Reader) error {
	l.read++
	_, err := io.Copy(io.Discard, body)
	return err
}
func (*looker) SeenBefore(poll.Foreseen)    {}
func (*looker) Leave(poll.Foreseen, string) {}
func (*looker) Delete(poll.Foreseen)        {}

// TestCheapSizes: sizes are asked for where they cost nothing, and else only when
// something is new.
func TestCheapSizes(t *testing.T) {
	t.Parallel()
	for _, cheap := range []bool{false, true} {
		d := newDoor(t, mailbox.Traits{CheapSizes: cheap}, mail("1", "one"))
		for i, want := range []bool{true, cheap} {
			d.store.Asked()
			if _, err := d.visit(t); err != nil {
				t.Fatal(err)
			}
			if asked := slices.Contains(d.store.Asked(), "Sizes"); asked != want {
				t.Errorf("cheap %t, visit %d: sizes asked %t", cheap, i+1, asked)
			}
		}
	}
}

// TestAnyOrder: messages may come in another order than they were asked for, and one that the
// store can't give is still the one that is tried again.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	d := newDoor(t, mailbox.Traits{StableKeys: true}, mail("1", "one"), mail("2", "two"), mail("3", "three"))
	d.store.Backwards = true
	d.store.Refuse = func(request string, number int) error {
		if request == "Retrieve" && number == 1 {
			return &mailboxtest.Refusal{Text: "not now"}
		}
		return nil
	}
	if _, err := d.visit(t); err != nil || d.delivered() != "three two" {
		t.Fatalf("error %v, delivered %q", err, d.delivered())
	}
	records, err := d.ledger.Lookup(t.Context(), "lab", []string{"1", "2", "3"})
	if err != nil || len(records) != 3 {
		t.Fatalf("%+v, error %v", records, err)
	}
	for _, r := range records {
		if want := map[bool]ledger.State{true: ledger.Failed, false: ledger.Delivered}[r.UIDL == "1"]; r.State != want {
			t.Errorf("%s is %s, want %s", r.UIDL, r.State, want)
		}
	}
}

// TestBatches: a store that lists the oldest messages alone is drained in one visit.
func TestBatches(t *testing.T) {
	t.Parallel()
	d := newDoor(t, mailbox.Traits{Batches: true, Consumes: true, StableKeys: true})
	d.store.Oldest = 250
	for i := range 600 {
		d.store.Add(mail(fmt.Sprint(i), fmt.Sprint("m", i)))
	}
	if result, err := d.visit(t); err != nil || result.Counts.Messages != 600 || len(d.sink.Files()) != 600 || d.keys() != "" {
		t.Errorf("%+v, error %v, %d files, left %q", result, err, len(d.sink.Files()), d.keys())
	}
}

// TestNotKept: a session that retrieved what it can't keep drops the line where the store
// takes what was retrieved as consumed, and else ends in order. Nothing is lost.
func TestNotKept(t *testing.T) {
	t.Parallel()
	for _, consumes := range []bool{false, true} {
		d := newDoor(t, mailbox.Traits{Consumes: consumes, StableKeys: true}, mail("1", "one"), mail("2", "two"))
		refused := false
		d.sink.Before = func(step sinktest.Step, name string) error {
			if step == sinktest.StepStage && name == "2" && !refused {
				refused = true
				return errors.New("no folder of that name can be made")
			}
			return nil
		}
		_, err := d.visit(t)
		if quit := slices.Contains(d.store.Asked(), "Quit"); quit == (err != nil) || err == nil && consumes {
			t.Errorf("consumes %t: quit %t, error %v", consumes, quit, err)
		}
		if _, err := d.visit(t); err != nil || d.delivered() != "one two" {
			t.Errorf("consumes %t: error %v, delivered %q", consumes, err, d.delivered())
		}
	}
}

// TestRefused: a message that the store refuses is left and tried again later, and the
// others are delivered; a login that it refuses fails the visit.
func TestRefused(t *testing.T) {
	t.Parallel()
	d := newDoor(t, mailbox.Traits{}, mail("1", "one"), mail("2", "two"), mail("3", "three"))
	now := time.Now()
	d.poller.Now = func() time.Time { return now }
	d.store.Refuse = func(request string, number int) error {
		if request == "Retrieve" && number == 2 {
			return &mailboxtest.Refusal{Text: "not now"}
		}
		return nil
	}
	result, err := d.visit(t)
	if err != nil || result.Incomplete == nil || result.Incomplete.Failed != 1 || d.delivered() != "one three" {
		t.Errorf("%+v, error %v, delivered %q", result, err, d.delivered())
	}
	d.store.Refuse = nil
	if result, err := d.visit(t); err != nil || result.PutOff != 1 || d.delivered() != "one three" {
		t.Errorf("at once: %+v, error %v, delivered %q", result, err, d.delivered())
	}
	now = now.Add(24 * time.Hour)
	if result, err := d.visit(t); err != nil || result.Incomplete != nil || d.delivered() != "one three two" {
		t.Errorf("later: %+v, error %v, delivered %q", result, err, d.delivered())
	}
	box, err := d.store.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	_, err = d.visit(t)
	if reply, ok := mailbox.Refused(err); !ok || !reply.Busy() {
		t.Errorf("beside another session: %v", err)
	}
}

// TestLineBreaks: wherever the line breaks, the next visits deliver each message once and
// delete it.
func TestLineBreaks(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line broke")
	for _, at := range []string{"Stat", "Keys", "Sizes", "Retrieve 1", "Retrieve 2", "Delete 2", "Delete 1", "Quit"} {
		d := newDoor(t, mailbox.Traits{StableKeys: true}, mail("1", "one"), mail("2", "two"))
		d.account.Delete = true
		breaks := true
		d.store.Refuse = func(request string, number int) error {
			if number > 0 {
				request += fmt.Sprint(" ", number)
			}
			if request == at && breaks {
				breaks = false
				return broken
			}
			return nil
		}
		if _, err := d.visit(t); !errors.Is(err, broken) {
			t.Errorf("%s: error %v", at, err)
		}
		if _, err := d.visit(t); err != nil || d.delivered() != "one two" || d.keys() != "" {
			t.Errorf("%s: error %v, delivered %q, left %q", at, err, d.delivered(), d.keys())
		}
	}
}

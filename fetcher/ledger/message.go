package ledger

import (
	"fmt"
	"strings"
	"time"
)

// Key names a message within its account.
type Key struct {
	UIDL string // opaque bytes
	Size int64  // octets as LIST says, -1 unknown
}

// State is how far a message has come.
type State string

// The states of a message; the package's documentation has the ways between them.
const (
	// Staged: the attachments are durable in staging files, their names chosen.
	Staged State = "staged"
	// Delivered: the attachments stand under their final names.
	Delivered State = "delivered"
	// DeletePending: DELE is about to be sent or was, without a +OK to QUIT yet.
	DeletePending State = "delete_pending"
	// Deleted: the server confirmed the deletion with +OK to QUIT.
	Deleted State = "deleted"
	// Failed: the message could not be retrieved; there will be another attempt.
	Failed State = "failed"
	// Quarantined: the message could not be taken apart and is kept as it came.
	Quarantined State = "quarantined"
)

// JoinedMark ends the path of an Attachment that is no file: the folder of the pieces that the message was joined from. The messages that
// are kept in it, in quarantine, are delivered when this one is.
const JoinedMark = "/"

// Attachment is one file of a message.
type Attachment struct {
	StagingID    string // the staging file's name; "" when there is none, as for bytes received before
	Path         string // relative to the account's folder
	OriginalName string // as the sender gave it
	MediaType    string
	Size         int64
	SHA256       [32]byte
	// Sidecar says that the file only accompanies the one behind it. It is not recorded.
	Sidecar bool
	// Quarantine says that the file is no attachment but what is kept in quarantine: the message itself, or the reason.
	Quarantine bool
	// LeftOut says that its bytes were received before, so that no file of it was written. It is not recorded.
	LeftOut bool
}

// Message is a message with its files.
type Message struct {
	Key
	// State is what the message becomes once its files are in place: Delivered
	// (or ""), or Quarantined. [Ledger.Stage] and [Ledger.Unfinished] agree on that.
	State       State
	Header      [32]byte // see Identity
	MessageID   string
	Attachments []Attachment
	FirstSeen   time.Time // zero: when it is staged
	Delivered   time.Time // first delivery; zero before
	Attempts    int       // failed ones before
	Reason      string    // why it is in quarantine
	// Before is how many files of it were delivered under another key.
	Before int
	// Unread says that something of it could not be read right, and that it is kept nowhere but on the server.
	Unread bool
	// From and Subject are for showing. They are not recorded.
	From, Subject string
	// Retried lets [Ledger.Stage] take a message out of quarantine, or give one that is Unread a copy there: its files are replaced by these.
	Retried bool
}

// Identity is what the header tells of a message.
type Identity struct {
	MessageID string   // without brackets, "" for none
	Header    [32]byte // a digest of the fields that tell messages apart; zero when not known
}

// Identity returns what is known of it.
func (m *Message) Identity() Identity { return Identity{m.MessageID, m.Header} }

// Record is what the ledger answers of one message.
type Record struct {
	Key
	State       State
	Delivered   time.Time // zero before the first delivery, and when that is not known, see [Ledger.Adopt]
	Attempts    int       // failed ones: to retrieve it and, once it was delivered, to delete it
	NextAttempt time.Time // of a failed one
	Reason      string    // of its last failure; of an Unread one, why a copy of it is missing, if that is known
	Missed      int       // 0 when it was listed last, see [Ledger.Missed]
	// Files is how many files of it were delivered, attachments that were left out as received before included;
	// [Vouched] where somebody answers for it. Unread is as in [Message].
	Files  int
	Unread bool
}

// Match returns the record of the message of this size among the records of one
// UIDL. An unknown size, on either side, matches any: the alternative is to deliver
// twice whatever was delivered before its size was known. A settled record
// is preferred over a failed one, then the same size over an unknown one, then
// the order of records, which [Ledger.Lookup] returns newest first.
func Match(records []Record, size int64) (Record, bool) {
	best, rank := Record{}, 0
	for _, r := range records {
		if r.Size != size && r.Size >= 0 && size >= 0 {
			continue
		}
		n := 1
		if r.State != Failed {
			n += 2
		}
		if r.Size == size {
			n++
		}
		if n > rank {
			best, rank = r, n
		}
	}
	return best, rank > 0
}

// TransitionError refuses a change that the state of a message does not allow. It
// tells of a mistake in the caller, who would else deliver twice or delete too early.
type TransitionError struct {
	Account  string
	Key      Key
	From, To State // From is "" for a message that the ledger does not know
}

// Error names the message and both states.
func (e *TransitionError) Error() string {
	from := string(e.From)
	if from == "" {
		from = "unknown"
	}
	return fmt.Sprintf("message %q (%d octets) of account %s is %s and can't become %s", e.Key.UIDL, e.Key.Size, e.Account, from, e.To)
}

// maxText bounds what the sender of a message can make the ledger keep in each field.
const maxText = 1024

// text is a field of a mail for storing: NULL when empty, and bounded.
func text(s string) any { return clipped(s, maxText) }

// maxName bounds what it keeps of the names that a sender gives attachments, of which a message may have thousands.
const maxName = 255

func name(s string) any { return clipped(s, maxName) }

func clipped(s string, most int) any {
	if s == "" {
		return nil
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

func digest(sum [32]byte) any {
	if sum == [32]byte{} {
		return nil
	}
	return sum[:]
}

func milliseconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

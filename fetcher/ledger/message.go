package ledger

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/extractor/digest"
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

// JoinedMark ends the path of an Attachment that is no file: it is the folder of the pieces that
// the message was joined from. Messages that wait in that folder, in quarantine, are delivered when
// this one is.
const JoinedMark = "/"

// Attachment is one file of a message.
type Attachment struct {
	StagingID    string // the staging file's name; "" for none, as for bytes received before
	Path         string // relative to the account's folder
	OriginalName string // as the sender gave it
	MediaType    string
	Size         int64
	Digests      digest.Set // of the file; a ledger keeps one of them, the own kind if it is there
	// Sidecar says that the file only accompanies the one behind it. It is not recorded.
	Sidecar bool
	// Quarantine says that the file is kept in quarantine and is no attachment: it is the message
	// itself, or the reason.
	Quarantine bool
	// LeftOut says that its bytes were received before, and no file of it was written. It is not
	// recorded.
	LeftOut bool
	// Repairs is what had to be mended or guessed to read it and its message, in words. They may
	// quote the sender. They are not recorded.
	Repairs []string
}

// LeftOut is something of a message that comes to no file.
type LeftOut struct {
	Name string // of the attachment; "" where the whole message is meant
	Size int64  // in octets, -1 if it is not known
	// Why says for people why it is left out. The same reason has the same words.
	Why string
	// Setting is the key of the account's configuration that says so, "" for none.
	Setting string
	// More is how many further ones are left out with this one.
	More int
}

// Envelope is what a person knows a message by, as its header says it, with encoded words (RFC
// 2047) decoded. The texts are the sender's: whoever prints them has to escape them. A ledger keeps
// what [Envelope.Clip] leaves.
type Envelope struct {
	From    string    // the field of that name
	To      string    // the fields To and Cc
	Subject string    // the field of that name
	Date    time.Time // with the sender's zone; zero if it is missing or can't be read
}

// Clip returns the envelope with each text cut to [MaxText] bytes and made valid UTF-8. It holds no
// memory of what is cut off.
func (e Envelope) Clip() Envelope {
	for _, s := range []*string{&e.From, &e.To, &e.Subject} {
		*s = strings.ToValidUTF8(*s, "\uFFFD")
		if len(*s) > MaxText {
			*s = strings.Clone(ClipText(*s))
		}
	}
	return e
}

// Content is the same for two files if they are the same byte for byte, and the kind of the digest
// is the same.
type Content struct {
	Digest digest.Digest
	Size   int64
}

// Content returns the attachment's content by the digest that a ledger keeps.
func (a *Attachment) Content() Content { return Content{a.Digests.First(), a.Size} }

// Contents yields the attachment's content, once by each digest that is known.
func (a *Attachment) Contents() iter.Seq[Content] {
	return func(yield func(Content) bool) {
		for d := range a.Digests.All() {
			if !yield(Content{d, a.Size}) {
				return
			}
		}
	}
}

// Message is a message with its files.
type Message struct {
	Key
	// State is what the message becomes once its files are in place: Delivered, which "" stands
	// for, or Quarantined.
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
	// Unread says that something of it could not be read right, and no copy of it is kept beside
	// the one on the server.
	Unread bool
	// Envelope is what the header says of the message.
	Envelope
	// LeftOut is what of the message comes to no file. It is not recorded.
	LeftOut []LeftOut
	// Retried lets Stage take a message out of quarantine, or give one that is Unread a copy there:
	// its files are replaced by these.
	Retried bool
}

// Identity is what the header tells of a message.
type Identity struct {
	MessageID string   // without brackets, "" for none
	Header    [32]byte // a digest of the fields that tell messages apart; zero when not known
}

// Is reports whether two headers may be of one message: their Message-IDs are the same, and so are
// their digests as far as both are known. The Message-ID of m is cut as a ledger does it.
func (i Identity) Is(m Identity) bool {
	unknown := [32]byte{}
	return i.MessageID == ClipText(m.MessageID) && (i.Header == m.Header || i.Header == unknown || m.Header == unknown)
}

// Identity returns the identity of the message.
func (m *Message) Identity() Identity { return Identity{m.MessageID, m.Header} }

// Kept returns the files of the message that lie in quarantine, the message itself first.
func (m *Message) Kept() []Attachment {
	var kept []Attachment
	for _, a := range m.Attachments {
		if a.Quarantine {
			kept = append(kept, a)
		}
	}
	return kept
}

// NotKept returns the other files of the message.
func (m *Message) NotKept() []Attachment {
	var others []Attachment
	for _, a := range m.Attachments {
		if !a.Quarantine {
			others = append(others, a)
		}
	}
	return others
}

// AllKept reports whether all files of the message lie in quarantine though none is marked so. This
// is how a message is staged that could not be taken apart. A piece of another message marks what
// is kept; what it had beside that is delivered.
func (m *Message) AllKept() bool {
	return m.State == Quarantined && !slices.ContainsFunc(m.Attachments, func(a Attachment) bool { return a.Quarantine })
}

// Files counts the files that are delivered of the message, those under another key included.
// Sidecars and what lies in quarantine don't count.
func (m *Message) Files() int {
	if m.State == Quarantined {
		return 0
	}
	n := m.Before
	for i, a := range m.Attachments {
		last := i == len(m.Attachments)-1
		if !a.Quarantine && !a.Sidecar && !strings.HasSuffix(a.Path, JoinedMark) && (last || a.Path != m.Attachments[i+1].Path+SidecarExt) {
			n++
		}
	}
	return n
}

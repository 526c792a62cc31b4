package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/extractor/digest"
)

// attachment is all that is known of one file.
type attachment struct {
	foundFile
	Path      string `json:"path"`            // below the folder of its account
	Place     string `json:"place,omitempty"` // in the file system, "" if its account is not configured any more
	Original  string `json:"original_name"`
	MediaType string `json:"media_type"`
	digests
	UIDL   string      `json:"uidl"`
	Mended []string    `json:"repaired"` // in words
	Others []foundFile `json:"others"`   // of the same message
	Left   []fate      `json:"left_out"` // of the same message
	// Gone says in words why it can't be downloaded, "" if it can.
	Gone string `json:"gone,omitempty"`
}

// digests has the one that is known of a file. The SHA-256 is known where it was computed: for
// sidecars, and by an attachd that knew no other.
type digests struct {
	SHA256 string `json:"sha256,omitempty"`
	BLAKE3 string `json:"blake3,omitempty"`
}

func digestsOf(is *history.Item) (d digests) {
	switch is.Digest.Kind {
	case digest.SHA256:
		d.SHA256 = is.Digest.String()
	case digest.BLAKE3:
		d.BLAKE3 = is.Digest.String()
	}
	return d
}

// fate is something of a message that did not become a file.
type fate struct {
	Name  string    `json:"name,omitempty"`
	Size  int64     `json:"size"` // -1 if it is not known
	Why   string    `json:"why"`
	Place string    `json:"place,omitempty"` // file:line of the rule that says so
	At    time.Time `json:"at"`
	Tile  string    `json:"-"`
}

// item reads the file that a request is about.
func (s *Server) item(r *http.Request) (*history.Item, error) {
	id, ok := itemID(r.PathValue("id"))
	if !ok {
		return nil, notFound("There is no such attachment.", "Perhaps the address has a slip.")
	}
	is, err := s.options.History.Item(r.Context(), id)
	if err != nil {
		return nil, s.unreadable(r.Context(), err)
	}
	return is, nil
}

func (s *Server) attachment(r *http.Request) (*View, error) {
	is, err := s.item(r)
	if err != nil {
		return nil, err
	}
	items, left, err := s.options.History.OfMessage(r.Context(), is.Account, is.Message)
	if err != nil {
		return nil, s.unreadable(r.Context(), err)
	}
	a := attachment{
		foundFile: foundFileOf(is), Path: is.Path, Original: is.Original, MediaType: is.MediaType, digests: digestsOf(is),
		UIDL: words.Visible(is.UIDL), Mended: is.Repairs, Others: []foundFile{}, Left: []fate{},
	}
	if a.Mended == nil {
		a.Mended = []string{}
	}
	for i := range items {
		if items[i].ID != is.ID {
			a.Others = append(a.Others, foundFileOf(&items[i]))
		}
	}
	for _, l := range left {
		a.Left = append(a.Left, fate{l.Name, l.Size, l.Why, l.Place, l.At, tileOf(l.Name)})
	}
	a.Place, _ = s.placeOf(is)
	if err := s.isThere(is); err != nil {
		var p *problem
		if !errors.As(err, &p) {
			return nil, err
		}
		a.Gone, a.Thumb = p.Title, false
	}
	return &View{Template: "attachment", Title: is.Name, Nav: "attachments", Data: a, Twin: true}, nil
}

// serveSidecar answers with the facts of a file, by the names that the sidecar files beside
// attachments have.
func (s *Server) serveSidecar(w http.ResponseWriter, r *http.Request) error {
	is, err := s.item(r)
	if err != nil {
		return err
	}
	repairs := is.Repairs
	if repairs == nil {
		repairs = []string{}
	}
	text, err := json.MarshalIndent(struct {
		Account      string    `json:"account"`
		UIDL         string    `json:"uidl"`
		From         string    `json:"from"`
		FromName     string    `json:"from_name"`
		Subject      string    `json:"subject"`
		Came         time.Time `json:"came"`
		Path         string    `json:"path"`
		Name         string    `json:"name"`
		OriginalName string    `json:"original_name"`
		MediaType    string    `json:"media_type"`
		Size         int64     `json:"size"`
		digests
		Repaired []string `json:"repaired"`
	}{
		is.Account, words.Visible(is.UIDL), is.Sender, is.SenderName, is.Subject, is.At, is.Path, is.Name, is.Original,
		is.MediaType, is.Size, digestsOf(is), repairs,
	}, "", "  ")
	if err != nil {
		return err
	}
	if !notModified(w, r, text) {
		writeJSON(w, http.StatusOK, "application/json", text)
	}
	return nil
}

package demo

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-message/mail"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// letter is a message to compose.
type letter struct {
	from    mail.Address
	to      string
	subject string
	files   []enclosure
}

// enclosure is one attachment of a letter.
type enclosure struct {
	name, mediaType string
	content         []byte
}

// message composes the letter, as a mail client does.
func (l letter) message(uidl string, at time.Time) (pop3test.Message, error) {
	var b bytes.Buffer
	var h mail.Header
	h.SetDate(at)
	h.SetAddressList("From", []*mail.Address{&l.from})
	h.SetAddressList("To", []*mail.Address{{Address: l.to}})
	h.SetSubject(l.subject)
	h.SetMessageID(uidl + "@demo.example")
	w, err := mail.CreateWriter(&b, h)
	if err != nil {
		return pop3test.Message{}, fmt.Errorf("compose a letter: %w", err)
	}
	if err := l.write(w); err != nil {
		return pop3test.Message{}, fmt.Errorf("compose a letter: %w", err)
	}
	return pop3test.Message{UIDL: uidl, Raw: b.Bytes()}, nil
}

func (l letter) write(w *mail.Writer) error {
	var h mail.InlineHeader
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	body, err := w.CreateSingleInline(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(body, l.subject+"\r\n"); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	for _, e := range l.files {
		var h mail.AttachmentHeader
		h.SetContentType(e.mediaType, nil)
		h.SetFilename(e.name)
		h.Set("Content-Transfer-Encoding", "base64")
		part, err := w.CreateAttachment(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(e.content); err != nil {
			return err
		}
		if err := part.Close(); err != nil {
			return err
		}
	}
	return w.Close()
}

// correspondent writes letters that differ from each other, and are the same in each run.
type correspondent struct {
	random *rand.Rand
	n      int
}

func newCorrespondent() *correspondent {
	return &correspondent{random: rand.New(rand.NewPCG(4711, 1)), n: 4710}
}

// pick returns one of several.
func pick[T any](c *correspondent, of ...T) T { return of[c.random.IntN(len(of))] }

// next returns a letter to an account.
func (c *correspondent) next(account string) letter {
	c.n++
	l := letter{to: account + "@demo.example"}
	switch account {
	case "scans":
		l.from = mail.Address{Name: "Copier 2", Address: "copier-2@demo.example"}
		l.subject = "Message from copier-2"
		l.files = []enclosure{c.picture(fmt.Sprintf("Scan_%06d.png", c.n))}
	case "reports":
		l.from = mail.Address{Address: "noreply-dmarc@reports.example"}
		l.subject = fmt.Sprintf("Report domain: demo.example Submitter: reports.example Report-ID: %d", c.n)
		l.files = []enclosure{c.archive(fmt.Sprintf("reports.example!demo.example!%d.zip", c.n))}
	default:
		sender := pick(c, mail.Address{Name: "Bürobedarf Müller", Address: "rechnung@mueller.example"},
			mail.Address{Name: "大阪商事", Address: "shipping@osaka.example"}, mail.Address{Name: "Supplier Ltd", Address: "billing@supplier.example"})
		l.from = sender
		l.subject = pick(c, "Ihre Rechnung", "Invoice", "納品書をお送りします", "Order confirmation") + fmt.Sprintf(" %d", c.n)
		l.files = []enclosure{c.document(pick(c, "Rechnung März (Nr. %d).pdf", "invoice-%d.pdf", "納品書-%d.pdf"))}
		if c.random.IntN(3) == 0 {
			l.files = append(l.files, c.table("positions-%d.csv"))
		}
		if c.random.IntN(2) == 0 {
			// Small pictures are logos, which a rule of the demo leaves out.
			l.files = append(l.files, enclosure{"logo.png", "image/png", dot()})
		}
	}
	return l
}

func (c *correspondent) document(name string) enclosure {
	const page = "%%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n%% document %d\ntrailer\n<< /Root 1 0 R >>\n%%%%EOF\n"
	return enclosure{fmt.Sprintf(name, c.n), "application/pdf", fmt.Appendf(nil, page, c.n)}
}

func (c *correspondent) table(name string) enclosure {
	var b bytes.Buffer
	fmt.Fprintf(&b, "position;article;amount\r\n")
	for i := range 3 + c.random.IntN(9) {
		fmt.Fprintf(&b, "%d;A-%d;%d\r\n", i+1, c.random.IntN(10_000), 1+c.random.IntN(50))
	}
	return enclosure{fmt.Sprintf(name, c.n), "text/csv", b.Bytes()}
}

func (c *correspondent) archive(name string) enclosure {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	// A bytes.Buffer takes all that is written.
	if f, err := w.Create("report.xml"); err == nil {
		fmt.Fprintf(f, "<feedback><report_metadata><report_id>%d</report_id></report_metadata></feedback>\n", c.n)
	}
	_ = w.Close()
	return enclosure{name, "application/zip", b.Bytes()}
}

// picture is a sheet of paper with some lines on it.
func (c *correspondent) picture(name string) enclosure {
	m := image.NewGray(image.Rect(0, 0, 420, 594))
	draw.Draw(m, m.Bounds(), image.White, image.Point{}, draw.Src)
	for y := 60; y < 540; y += 18 {
		draw.Draw(m, image.Rect(48, y, 120+c.random.IntN(250), y+6), image.NewUniform(color.Gray{uint8(60 + c.random.IntN(80))}), image.Point{}, draw.Src)
	}
	return enclosure{name, "image/png", encode(m)}
}

// dot is a picture of four pixels.
func dot() []byte { return encode(image.NewGray(image.Rect(0, 0, 2, 2))) }

func encode(m image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, m) // a bytes.Buffer takes all that is written
	return b.Bytes()
}

// crowded is a letter with more attachments than the demo's limits allow, so that it goes to
// quarantine.
func (c *correspondent) crowded(account string, files int) letter {
	l := letter{from: mail.Address{Address: "gateway@meters.example"}, to: account + "@demo.example", subject: "Readings of all meters"}
	for range files {
		c.n++
		l.files = append(l.files, c.table("meter-%d.csv"))
	}
	return l
}

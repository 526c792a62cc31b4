package extractor

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-message/charset"
)

// What the corpora's answers say is attached is read from those answers alone:
// none of the compared programs has a say in it.

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func glob(t *testing.T, pattern ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files (%v)", filepath.Join(pattern...), err)
	}
	return paths
}

var (
	mime4jToken = regexp.MustCompile(`(?s)(<header>)|<field>\s*(.*?)</field>|<(text|binary)-body name="([^"]+)"`)
	nameInField = regexp.MustCompile(`(?i)[\s;](file)?name[\d*]*\s*=`)
)

// mime4jCases wants the leaves that have a name or the disposition attachment, or
// are no text. Messages whose answer is known to be another than what was sent
// are left out.
func mime4jCases(t *testing.T) []compared {
	var cases []compared
	for _, message := range glob(t, corpus(t, "mime4j"), "*", "*.msg") {
		base := strings.TrimSuffix(message, ".msg")
		if reason, known := mime4jDifferences[filepath.Base(base)]; known && reason != lineEnds {
			continue
		}
		c := compared{row: "mime4j", name: filepath.Base(base), messages: [][]byte{readFile(t, message)}}
		fields := make(map[string]string)
		for _, token := range mime4jToken.FindAllStringSubmatch(string(readFile(t, base+"_decoded.xml")), -1) {
			switch header, field, kind, body := token[1], token[2], token[3], token[4]; {
			case header != "":
				clear(fields)
			case field != "":
				name, value, _ := strings.Cut(html.UnescapeString(field), ":")
				fields[strings.ToLower(strings.TrimSpace(name))] += " " + strings.TrimSpace(value)
			default:
				disposition, contentType := fields["content-disposition"], fields["content-type"]
				if kind == "text" && !nameInField.MatchString(disposition) && !nameInField.MatchString(contentType) &&
					!strings.HasPrefix(strings.ToLower(disposition), " attachment") {
					continue
				}
				c.want = append(c.want, attached{
					names:   plainName(disposition, contentType),
					content: readFile(t, filepath.Join(filepath.Dir(message), body)),
					size:    -1, lines: !strings.Contains(strings.ToLower(fields["content-transfer-encoding"]), "base64"),
				})
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// plainName is the name as Go's standard library reads it; where it can't, the
// name is not judged.
func plainName(disposition, contentType string) []string {
	for _, field := range []struct{ value, key string }{{disposition, "filename"}, {contentType, "name"}} {
		_, parameters, err := mime.ParseMediaType(field.value)
		if name := parameters[field.key]; err == nil && name != "" {
			return senderName(name)
		}
		if nameInField.MatchString(field.value) {
			break
		}
	}
	return nil
}

// senderName is a name and what may be made of its encoded words and its path.
// One with an encoded word that the standard library can't decode is not judged.
func senderName(name string) []string {
	decoded, err := (&mime.WordDecoder{CharsetReader: charset.Reader}).DecodeHeader(name)
	if err != nil || strings.Contains(decoded, "=?") {
		return nil
	}
	return []string{decoded, path.Base(strings.ReplaceAll(decoded, `\`, "/"))}
}

// mimeToolsCases wants the parts that have a name or are no text. The answers
// tell their sizes only. Those that are known to be wrong are left out.
func mimeToolsCases(t *testing.T) []compared {
	folder := corpus(t, "mime-tools")
	var cases []compared
	for _, ref := range glob(t, folder, "*.ref") {
		answer, name := readFile(t, ref), strings.TrimSuffix(filepath.Base(ref), ".ref")
		c := compared{row: "mime-tools", name: name, messages: [][]byte{readFile(t, filepath.Join(folder, string(refMessage.FindSubmatch(answer)[1])))}}
		for _, part := range refPart.FindAllSubmatch(answer, -1) {
			fields := make(map[string]string)
			for _, f := range refField.FindAllSubmatch(part[2], -1) {
				fields[string(f[1])] = string(f[2]) + string(f[3]) + string(f[4])
			}
			size, err := strconv.ParseInt(fields["Size"], 10, 64)
			if err != nil || fields["Filename"] == "" && strings.HasPrefix(fields["Type"], "text/") {
				continue // no leaf, or a text
			}
			number := strings.ReplaceAll(strings.TrimPrefix(string(part[1]), "Part_"), "_", ".")
			if mimeToolsDifferences[name+" "+number] != "" {
				continue
			}
			a := attached{size: size}
			if fields["Filename"] != "" {
				a.names = senderName(fields["Filename"])
			}
			c.want = append(c.want, a)
		}
		cases = append(cases, c)
	}
	return cases
}

// tnefCases sends each winmail.dat in a message and wants the files in it. Left out are the
// text of the message (message.rtf, .html, .txt), and embedded objects without a name: the
// answers hold more than the object.
func tnefCases(t *testing.T) []compared {
	folder := corpus(t, "tnef")
	var cases []compared
	for _, stream := range glob(t, folder, "*.tnef") {
		name := strings.TrimSuffix(filepath.Base(stream), ".tnef")
		c := compared{row: "tnef", name: name, messages: [][]byte{tnefMail(readFile(t, stream))}}
		entries, err := os.ReadDir(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "message.") && !strings.HasPrefix(e.Name(), "Untitled") {
				c.want = append(c.want, attached{names: []string{e.Name()}, content: readFile(t, filepath.Join(folder, name, e.Name())), size: -1, lines: true})
			}
		}
		cases = append(cases, c)
	}
	return cases
}

func tnefMail(stream []byte) []byte {
	var b strings.Builder
	b.WriteString("From: a@example.org\nSubject: x\nMIME-Version: 1.0\n" + mixedHeader + "--b\nContent-Type: text/plain\n\ntext\n--b\n" +
		"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Disposition: attachment; filename=winmail.dat\nContent-Transfer-Encoding: base64\n\n")
	for encoded := base64.StdEncoding.EncodeToString(stream); encoded != ""; {
		n := min(76, len(encoded))
		fmt.Fprintln(&b, encoded[:n])
		encoded = encoded[n:]
	}
	b.WriteString("--b--\n")
	return []byte(b.String())
}

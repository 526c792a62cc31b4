package cms

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/attachd/attachd/config/testsize"
)

// The messages that OpenSSL 3.0 made of this entity: cms -sign -nodetach in DER, the
// same with -stream in BER, -encrypt, and a detached signature.
const (
	entity    = "Content-Type: text/plain; name=a.txt\r\n\r\nhello"
	signedDER = "MIHxBgkqhkiG9w0BBwKggeMwgeACAQExDTALBglghkgBZQMEAgEwPAYJKoZIhvcNAQcBoC8ELUNvbnRlbnQtVHlwZTogdGV4dC9wbGFpbjsgbmFtZT1hLnR4dA0KDQpoZWxsbzGBjTCBigIBATAkMAwxCjAIBgNVBAMMAWECFDbUv9qik8UarDvh1h8IN17dd35YMAsGCWCGSAFlAwQCATAKBggqhkjOPQQDAgRGMEQCIFMtxF5tEMv1cV9OTf7Fa/VfaMf0r3IL3NU1X/su7gm9AiBo04REZo+jJoYzhiNLx7QUCmkYmcJy/6TKZ6dE86COhw=="
	signedBER = "MIAGCSqGSIb3DQEHAqCAMIACAQExDTALBglghkgBZQMEAgEwgAYJKoZIhvcNAQcBoIAkgAQtQ29udGVudC1UeXBlOiB0ZXh0L3BsYWluOyBuYW1lPWEudHh0DQoNCmhlbGxvAAAAAAAAMYGPMIGMAgEBMCQwDDEKMAgGA1UEAwwBYQIUNtS/2qKTxRqsO+HWHwg3Xt13flgwCwYJYIZIAWUDBAIBMAoGCCqGSM49BAMCBEgwRgIhAIqgdq98XUf5bWnUNqDXD2tanpYRSCGuH6Xwt6g+uqMfAiEAvId6QVXU5LChahRA4rVIgidXRbDxuOrbIQJLj4xX4g4AAAAAAAA="
	encrypted = "MIIBOQYJKoZIhvcNAQcDoIIBKjCCASYCAQIxgcuhgcgCAQOgUaFPMAkGByqGSM49AgEDQgAEAhPMkUJCfDrXH9kbqqNWlMnhzHqXofS775PBcXNOZpU8rhZIVhkgr0khRa7gV1YB2wpMrwiQoaFrqkAY9TGZuDAcBgkrgQUQhkg/AAIwDwYLKoZIhvcNAQkQAwYFADBSMFAwJDAMMQowCAYDVQQDDAFhAhQ21L/aopPFGqw74dYfCDde3Xd+WAQoEezgNvPT4IVl747GJtVc5I5BoJK727YNe9g0b58Xrnrco6mMIBoVqjBTBgkqhkiG9w0BBwEwFAYIKoZIhvcNAwcECMqW9ig+6nIpgDAJfAydgh6HH+xJf8qhxfe3PZa1uQlb8bDtn5XLUaRcxRnaM2zmGwXHvlT0ynDhrhI="
	detached  = "MIHABgkqhkiG9w0BBwKggbIwga8CAQExDTALBglghkgBZQMEAgEwCwYJKoZIhvcNAQcBMYGNMIGKAgEBMCQwDDEKMAgGA1UEAwwBYQIUNtS/2qKTxRqsO+HWHwg3Xt13flgwCwYJYIZIAWUDBAIBMAoGCCqGSM49BAMCBEYwRAIgaHi8h4zZJBSon59PQyaTdNYyPzgzSQuSUCkXLt8mybACIDJCoGmHzWWOuNXLuprvhcu18HxUyEjOev1HhQg62BYH"
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// der makes an element of definite length.
func der(tag byte, contents ...[]byte) []byte {
	body := bytes.Join(contents, nil)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// ber makes a constructed element of indefinite length.
func ber(tag byte, contents ...[]byte) []byte {
	return append(append([]byte{tag | constructed, 0x80}, bytes.Join(contents, nil)...), 0, 0)
}

func oid(kind messageKind) []byte {
	for id, k := range kinds {
		if k == kind {
			return der(objectID, []byte(id))
		}
	}
	panic(kind)
}

// message makes a SignedData or CompressedData around an octet string.
func message(kind messageKind, make func(tag byte, contents ...[]byte) []byte, octets []byte) []byte {
	third := der(0x31, der(sequence, []byte{6, 1, 42}))
	return make(sequence, oid(kind), make(explicitTag, make(sequence, der(2, []byte{1}), third,
		make(sequence, oid(data), make(explicitTag, octets)), der(0x31, bytes.Repeat([]byte{4, 0}, 100)))))
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// decode feeds a decoder in pieces of so many bytes, 0 for all at once.
func decode(message []byte, piece int) (string, *Decoder, error) {
	var out bytes.Buffer
	d := NewDecoder(&out)
	for rest := message; len(rest) > 0; {
		n := len(rest)
		if piece > 0 {
			n = min(piece, n)
		}
		if _, err := d.Write(rest[:n]); err != nil {
			return out.String(), d, err
		}
		rest = rest[n:]
	}
	err := d.Close()
	return out.String(), d, err
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	inPieces := ber(octetString, der(octetString, []byte("hel")), ber(octetString, der(octetString, []byte("l"))), der(octetString|constructed, der(octetString, []byte("o"))))
	big := bytes.Repeat([]byte("0123456789"), 20_000)
	for name, test := range map[string]struct {
		message  []byte
		want     string
		kind     messageKind
		complete bool
		err      error
	}{
		"signed, DER":                {unbase64(signedDER), entity, signed, true, nil},
		"signed, BER":                {unbase64(signedBER), entity, signed, true, nil},
		"encrypted":                  {unbase64(encrypted), "", enveloped, false, nil},
		"detached":                   {unbase64(detached), "", signed, false, nil},
		"in pieces":                  {message(signed, ber, inPieces), "hello", signed, true, nil},
		"in pieces, definite":        {message(signed, der, inPieces), "hello", signed, true, nil},
		"empty":                      {message(signed, der, der(octetString)), "", signed, true, nil},
		"big":                        {message(signed, der, der(octetString, big)), string(big), signed, true, nil},
		"compressed":                 {message(compressed, ber, der(octetString, deflated(big))), string(big), compressed, true, nil},
		"compressed, in pieces":      {message(compressed, ber, ber(octetString, der(octetString, deflated(big)[:9]), der(octetString, deflated(big)[9:]))), string(big), compressed, true, nil},
		"compressed, and cut":        {message(compressed, der, der(octetString, deflated([]byte("hello"))[:8])), "hello", compressed, false, nil},
		"compressed, and not at all": {message(compressed, der, der(octetString, []byte("hello"))), "", compressed, false, nil},
		"data":                       {der(sequence, oid(data), der(explicitTag, der(octetString, []byte("hello")))), "hello", data, true, nil},
		"bytes behind the end":       {append(unbase64(signedDER), "junk"...), entity, signed, true, nil},
		"text":                       {[]byte("MIHxBgkqhkiG9w0BBwKggeMwgeAC"), "", unknown, false, ErrFormat},
		"nothing":                    {nil, "", unknown, false, ErrFormat},
		"another sequence":           {der(sequence, der(2, []byte{1})), "", unknown, false, ErrFormat},
		"longer than its parent":     {der(sequence, oid(signed), []byte{explicitTag, 0x20}), "", signed, false, nil},
		"an indefinite primitive":    {der(sequence, []byte{octetString, 0x80, 0, 0}), "", unknown, false, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{0, 1, 2, 7, 1000} {
				got, d, err := decode(test.message, piece)
				if got != test.want || d.kind != test.kind || d.Complete() != test.complete || !errors.Is(err, test.err) {
					t.Errorf("in pieces of %d: %d bytes %.40q, %q, complete %v, error %v", piece, len(got), got, d.kind, d.Complete(), err)
				}
			}
		})
	}
}

// TestPrefixes: what is cut off gives a prefix of the content, and is complete
// only if the content was.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, whole := range [][]byte{unbase64(signedDER), unbase64(signedBER), message(compressed, ber, der(octetString, deflated([]byte(entity))))} {
		for n := range whole {
			got, d, err := decode(whole[:n], 0)
			if err != nil && !errors.Is(err, ErrFormat) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			if len(got) > len(entity) || got != entity[:len(got)] || d.Complete() && got != entity {
				t.Errorf("%d bytes gave %q, complete %v", n, got, d.Complete())
			}
		}
	}
}

// TestHostile: nothing that is declared or nested costs memory or time.
func TestHostile(t *testing.T) {
	many := testsize.Of(1_000_000, 10_000_000)
	for name, test := range map[string]struct {
		head, body []byte
		n          int
	}{
		"nested":            {nil, []byte{sequence, 0x80}, many},
		"nested pieces":     {message(signed, ber, nil)[:60], []byte{octetString | constructed, 0x80}, many},
		"lengths":           {nil, []byte{sequence, 0x88, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1_000_000},
		"long tags":         {nil, []byte{0xff}, many},
		"empty elements":    {[]byte{sequence, 0x80}, []byte{4, 0}, many},
		"ends of contents":  {[]byte{sequence, 0x80}, []byte{0, 0}, many},
		"4 GiB of contents": {[]byte{sequence, 0x85, 1, 0, 0, 0, 0, octetString, 0x84, 0xff, 0xff, 0xff, 0xf0}, bytes.Repeat([]byte("x"), 1000), 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			d := NewDecoder(io.Discard)
			if _, err := d.Write(test.head); err != nil {
				t.Fatal(err)
			}
			many := bytes.Repeat(test.body, 1000)
			for range test.n / 1000 {
				if _, err := d.Write(many); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(); err != nil && !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
				t.Errorf("the heap grew by %d KiB", grown>>10)
			}
		})
	}
}

type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// TestWriterError: an error of the writer comes back, inflated or not.
func TestWriterError(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk full")
	for _, m := range [][]byte{unbase64(signedDER), message(compressed, der, der(octetString, deflated(bytes.Repeat([]byte("x"), 1<<20))))} {
		d := NewDecoder(refusing{failure})
		_, err := d.Write(m)
		if closeErr := d.Close(); err == nil {
			err = closeErr
		}
		if !errors.Is(err, failure) || d.Complete() {
			t.Errorf("error %v, complete %v", err, d.Complete())
		}
	}
}

// FuzzDecoder: nothing panics, and how a message is cut does not matter.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{signedDER, signedBER, encrypted, detached} {
		f.Add(unbase64(s), uint64(1))
	}
	f.Add(message(compressed, ber, der(octetString, deflated([]byte("hello")))), uint64(2))
	f.Add(message(signed, ber, ber(octetString, der(octetString, []byte("hel")), der(octetString, []byte("lo")))), uint64(3))
	f.Fuzz(func(t *testing.T, message []byte, seed uint64) {
		want, whole, err := decode(message, 0)
		if len(want) > 1100*len(message) {
			t.Errorf("%d bytes out of %d", len(want), len(message))
		}
		var out bytes.Buffer
		d := NewDecoder(&out)
		random := rand.New(rand.NewPCG(seed, 1))
		for rest := message; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 40))
			if _, err := d.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		cutErr := d.Close()
		if out.String() != want || d.kind != whole.kind || d.Complete() != whole.Complete() || (err == nil) != (cutErr == nil) {
			t.Errorf("in pieces %q %q %v %v, whole %q %q %v %v", &out, d.kind, d.Complete(), cutErr, want, whole.kind, whole.Complete(), err)
		}
	})
}

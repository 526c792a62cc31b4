package extractor

import (
	"strings"
	"testing"
)

// TestNamesFound: where senders put names, and how they cut and label them.
func TestNamesFound(t *testing.T) {
	t.Parallel()
	cd := "Content-Type: a/b|Content-Disposition: attachment; "
	for fields, want := range map[string]string{
		"Content-Type: a/b|Content-Disposition: attachment; name=x.pdf":               "x.pdf",
		"Content-Type: a/b; filename=x.pdf":                                           "x.pdf",
		"Content-Type: a/b; filename=x.pdf; name=y.pdf":                               "x.pdf",
		"Content-Type: a/b|Content-Description: Rechnung.pdf":                         "Rechnung.pdf",
		"Content-Type: a/b|Content-Description: The report, v. 2":                     "attachment.txt",
		`Content-Type: a/b|Content-Location: C:\x\doc.pdf`:                            "doc.pdf",
		"Content-Type: a/b|Content-Location: http://x.example/a%20b.pdf":              "a b.pdf",
		"Content-Type: a/b|Content-Location: http://x.example/page":                   "attachment.txt",
		cd + `filename*0="utf-8''M%C3%A4"; filename*1="rz.pdf"`:                       "März.pdf",
		cd + `filename*=utf-8'M%C3%A4rz.pdf`:                                          "März.pdf",
		cd + `filename="it's.pdf"`:                                                    "it's.pdf",
		cd + `filename*0="it's 5''.pdf"`:                                              "it's 5''.pdf",
		cd + `filename="=?UTF-8?B?TcOkcnoucGRm"`:                                      "März.pdf",
		cd + `filename="=?iso-8859-1?Q?=80 =96 x.pdf?="`:                              "€ – x.pdf",
		cd + `filename="=?cp949?B?uO28+C5wZGY=?="`:                                    "명순.pdf",
		cd + `filename="=?iso-2022-kr?B?GyQpQw44bTx4Dy5wZGY=?="`:                      "명순.pdf",
		cd + `filename="=?utf-7?Q?M+AOQ-rz +- +ZeVnLIqe-.pdf?="`:                      "März + 日本語.pdf",
		cd + `filename="=?mac-roman?Q?M=8Arz.pdf?="`:                                  "März.pdf",
		cd + `filename="=?utf-32?B?AAAATQAAAOQAAAAuAAAAcAAAAGQAAABm?="`:               "Mä.pdf",
		cd + `filename="=?no-such?Q?M=C3=A4rz.pdf?="`:                                 "März.pdf",
		"Subject: =?windows-1251?Q?=F1?=|" + cd + "filename=\"\xf1\xf7\xb8\xf2.pdf\"": "счёт.pdf",
	} {
		message := strings.ReplaceAll(fields+"||text", "|", "\n")
		all, _, err := capture(strings.NewReader(message), Limits{}, false)
		if err != nil || len(all) != 1 || all[0].Name != want {
			t.Errorf("%s\n%d files, %q, want %q, error %v", fields, len(all), all[0].Name, want, err)
		}
	}
	// Of a text that is shown, a location makes no attachment.
	all, _, err := capture(strings.NewReader("Content-Type: text/html\nContent-Location: http://x.example/index.html\n\n<p>"), Limits{}, false)
	if err != nil || len(all) != 0 {
		t.Errorf("a text with a location: %d files, %v", len(all), err)
	}
	// Raw names are in the charset of the text beside them.
	mail := "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=euc-jp\n\ntext\n--b\nContent-Type: a/b; name=\"\xc0\xc1\xb5\xe1\xbd\xf1.pdf\"\n\nx\n--b--\n"
	all, _, err = capture(strings.NewReader(mail), Limits{}, false)
	if err != nil || len(all) != 1 || all[0].Name != "請求書.pdf" {
		t.Errorf("a raw name beside a text in EUC-JP: %q, %v", all[0].Name, err)
	}
}

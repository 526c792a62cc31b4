package extractor

import (
	"testing"

	charsets "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// TestGuessCharset: file names as they are sent raw by mailers of the country.
func TestGuessCharset(t *testing.T) {
	t.Parallel()
	names := map[string]struct {
		enc   charsets.Encoding
		names []string
	}{
		"windows-1252": {charmap.Windows1252, []string{
			"Gebühr.pdf", "Übersicht Müller.doc", "reçu.pdf", "año 2026.xls", "Preis 10 €.pdf", "façade – côté.jpg", "Rechnung für Größe.pdf", "naïve.txt", "ÄÖÜ.pdf", "Straße.pdf",
			"Mängelrüge.pdf", "São João.pdf", "crème brûlée.pdf", "Übergröße.pdf", "Besök på Öland.pdf", "œuvre.pdf", "blåbærsyltetøy.pdf", "Hans’ Brief.pdf",
		}},
		"shift_jis":   {japanese.ShiftJIS, []string{"請求書.pdf", "テスト.txt", "見積書2026年11月.xlsx", "ご案内.pdf", "会議資料.ppt", "写真 001.jpg", "納品書.pdf", "注文書_株式会社.pdf"}},
		"euc-kr":      {korean.EUCKR, []string{"견적서.pdf", "세금계산서.pdf", "보고서 2026.hwp", "사진.jpg", "첨부파일.zip", "이력서.doc", "사업자등록증.pdf", "통장사본.jpg", "회의록.hwp", "계약서_최종.pdf"}},
		"gb18030":     {simplifiedchinese.GB18030, []string{"发票.pdf", "测试文件.txt", "合同2026.doc", "报价单.xls", "中国.jpg", "会议记录.docx", "附件.zip", "身份证.pdf", "订单.xlsx", "照片 01.jpg", "工资表.xls"}},
		"big5":        {traditionalchinese.Big5, []string{"發票.pdf", "會議記錄.doc", "測試檔案.txt", "中文.txt", "履歷表.doc"}},
		"iso-2022-jp": {japanese.ISO2022JP, []string{"請求書.pdf"}},
	}
	for charset, c := range names {
		for _, name := range c.names {
			raw, err := c.enc.NewEncoder().String(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := (texts{report: ignore}).guess(raw); got != name {
				t.Errorf("%s %q became %q", charset, name, got)
			}
		}
	}
	for _, raw := range []string{"\xff", "a\x81", "\x80\x81\x82\xff.pdf"} {
		if got := (texts{report: ignore}).guess(raw); got == "" {
			t.Errorf("%q became nothing", raw)
		}
	}
}

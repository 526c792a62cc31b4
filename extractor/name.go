package extractor

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is the longest file name, in bytes. Every usual file system takes it.
const maxName = 255

// SafeName makes a stranger's file name safe as a single path component on Unix, Windows
// and macOS. The result is UTF-8 in NFC (Unicode Standard Annex 15), at most 255 bytes long,
// and keeps its extension. It has none of these:
//
//   - a path, or quotes around the name;
//   - control characters, and bidirectional overrides, which make "gpj.exe" look like
//     "exe.jpg";
//   - dots, dashes and tildes at the beginning, dots and blanks at the end;
//   - characters that Windows forbids in a name, or a name that it reserves for a device.
//
// SafeName returns "" if nothing is left. SafeName(SafeName(x)) is SafeName(x).
func SafeName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	name = strings.TrimRight(unquote(name), `/\ .`)
	if isPath(name) {
		name = name[strings.LastIndexAny(name, `/\`)+1:]
	}
	name = norm.NFC.String(name)
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r), isInvisible(r):
			return -1
		case strings.ContainsRune(`<>:"|?*/\`, r):
			return '_'
		}
		return r
	}, dropLooseJoiners(name))
	if strings.Contains(name, "  ") {
		name = strings.Join(strings.Fields(name), " ")
	}
	name = strings.TrimLeft(name, " ")
	name = strings.TrimRight(name, " .")
	if isExtension(name) {
		return "attachment" + name // QUIRK: scanners whose document has no title
	}
	if trimmed := strings.TrimLeft(name, ". "); trimmed != name && trimmed != "" {
		name = "_" + trimmed
	} else if trimmed == "" {
		return ""
	}
	// A script takes a leading dash for an option, and a tilde for a home folder.
	if rest := strings.TrimLeft(name, "-~"); rest != name {
		name = strings.Repeat("_", len(name)-len(rest)) + rest
	}
	if isReserved(name) {
		name = "_" + name
	}
	name = dropLooseJoiners(CutName(name, maxName))
	return norm.NFC.String(name)
}

// isInvisible reports whether a character shows nothing, or changes how others are shown.
func isInvisible(r rune) bool {
	switch {
	case r == 0x200B, r >= 0x200E && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2069, r == 0xFEFF, r >= 0xE0000 && r <= 0xE007F, r == 0x061C, r == 0x2028, r == 0x2029:
		return true
	}
	return false
}

// isReserved reports whether Windows takes the name for a device, such as CON or LPT1.txt.
func isReserved(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	if len(base) < 4 || !strings.HasPrefix(base, "COM") && !strings.HasPrefix(base, "LPT") {
		return false
	}
	digit := base[3:]
	return len(digit) == 1 && digit[0] >= '0' && digit[0] <= '9' || digit == "¹" || digit == "²" || digit == "³"
}

// CutName cuts a name to at most n bytes, and not within a UTF-8 character. It keeps the
// extension if that leaves room for more.
func CutName(name string, n int) string {
	if len(name) <= n {
		return name
	}
	base, ext := SplitExt(name)
	if len(ext) > n/2 {
		base, ext = name, ""
	}
	cut := max(n-len(ext), 0)
	for cut > 0 && !utf8.RuneStart(base[cut]) {
		cut--
	}
	return strings.TrimRight(base[:cut], " .") + ext
}

// maxExtension is longer than any extension in use. Anything longer is a sentence with a
// full stop in it.
const maxExtension = 16

// SplitExt splits a name before its extension. ext begins with the dot; it is ".tar.gz" for
// an archive of two extensions, and "" for a name with none, or with nothing before it.
func SplitExt(name string) (base, ext string) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || i == len(name)-1 || len(name)-i > maxExtension || strings.Contains(name[i:], " ") {
		return name, ""
	}
	if j := i - len(".tar"); j > 0 && strings.EqualFold(name[j:i], ".tar") {
		i = j
	}
	return name[:i], name[i:]
}

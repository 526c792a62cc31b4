package extractor

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// charsetOf returns decodeNamed's name of the charset that a label means; "" for none.
// Mailers make labels of the names of code pages (x-mac-ce, dos-862, x-windows-1256), and of
// their libraries' names (euc_jp).
func charsetOf(label string) string {
	key := charsetYear().ReplaceAllString(strings.ToLower(label), "")
	key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, key)
	for range 2 {
		if name, ok := charsetKeys[key]; ok {
			return name
		}
		if _, ok := singleByteTables[key]; ok {
			return key
		}
		if m := isoLabel().FindStringSubmatch(key); m != nil {
			return "iso-8859-" + m[1]
		}
		if m := codePageLabel().FindStringSubmatch(key); m != nil {
			number, _ := strconv.Atoi(m[1])
			return codePageName(number)
		}
		key = strings.TrimPrefix(key, "x")
	}
	return ""
}

var (
	charsetYear   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[-_:](19\d\d|200[12])$`) })
	codePageLabel = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:cp|ms|ibm|dos|windows|win|codepage|ccsid|csibm|ibmcp|mscp)?(\d{2,5})$`)
	})
	isoLabel = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:iso)?8859(\d{1,2})(?:[ie])?$`) })
)

// codePageName returns the charset of a code page of Windows, DOS or IBM.
func codePageName(number int) string {
	if name, ok := codePageNames[number]; ok {
		return name
	}
	n := strconv.Itoa(number)
	if _, ok := singleByteTables["cp"+n]; ok {
		return "cp" + n
	}
	switch {
	case number >= 1250 && number <= 1258:
		return "windows-" + n
	case number >= 28591 && number <= 28606:
		return "iso-8859-" + strconv.Itoa(number-28590)
	}
	return "ibm" + n
}

// codePageNames are the charsets of code pages that have another name.
var codePageNames = map[int]string{
	37: "ibm037", 367: "us-ascii", 819: "windows-1252", 874: "windows-874", 932: "shift_jis", 936: "gb18030", 943: "shift_jis", 949: "euc-kr", 950: "big5", 951: "big5",
	1140: "ibm01140", 858: "ibm00858", 1047: "ibm1047", 1200: "utf-16le", 1201: "utf-16be", 1361: "johab", 154: "ptcp154", 1051: "hproman8",
	10000: "macintosh", 10001: "shift_jis", 10002: "big5", 10003: "euc-kr", 10004: "macarabic", 10006: "macgreek", 10007: "x-mac-cyrillic", 10008: "gb18030",
	10010: "macromanian", 10017: "x-mac-cyrillic", 10021: "windows-874", 10029: "maclatin2", 10079: "maciceland", 10081: "macturkish", 10082: "maccroatian",
	12000: "utf-32le", 12001: "utf-32be", 20127: "us-ascii", 20273: "cp273", 20424: "cp424", 20866: "koi8-r", 20932: "euc-jp", 20936: "gb18030", 20949: "euc-kr", 21866: "koi8-u",
	50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp", 50225: "iso-2022-kr", 50227: "gb18030", 51932: "euc-jp", 51936: "gb18030", 51949: "euc-kr",
	52936: "hz-gb-2312", 54936: "gb18030", 65000: "utf-7", 65001: "utf-8", 708: "iso-8859-6", 29: "macturkish", 38598: "iso-8859-8",
}

// charsetKeys are charsets by the letters and digits of their labels, in lower case.
var charsetKeys = map[string]string{
	"macce": "maclatin2", "maccentraleurope": "maclatin2", "maccentraleurroman": "maclatin2", "maccenteuro": "maclatin2",
	"macicelandic": "maciceland", "maccyrillic": "x-mac-cyrillic", "macukrainian": "x-mac-cyrillic", "macroman": "macintosh",
	"macjapanese": "shift_jis", "mackorean": "euc-kr", "macchinesesimp": "gb18030", "macchinesetrad": "big5", "machebrew": "iso-8859-8", "macthai": "windows-874",
	"eucjp": "euc-jp", "ujis": "euc-jp", "eucjis2004": "euc-jp", "eucjisx0213": "euc-jp", "jisx0213": "euc-jp", "euccn": "gb18030", "euckr": "euc-kr", "euctw": "big5",
	"shiftjis": "shift_jis", "sjis": "shift_jis", "mskanji": "shift_jis", "windows31j": "shift_jis", "shiftjis2004": "shift_jis", "shiftjisx0213": "shift_jis",
	"sjis2004": "shift_jis", "sjisx0213": "shift_jis", "mscp932": "shift_jis",
	"iso2022jp": "iso-2022-jp", "iso2022jp1": "iso-2022-jp", "iso2022jp2": "iso-2022-jp", "iso2022jp2004": "iso-2022-jp", "iso2022jp3": "iso-2022-jp", "iso2022jpext": "iso-2022-jp",
	"iso2022kr": "iso-2022-kr", "csiso2022kr": "iso-2022-kr", "ksc5601": "euc-kr", "ksx1001": "euc-kr", "ks5601": "euc-kr",
	"gb231280": "gb18030", "eucgb2312cn": "gb18030", "isoir58": "gb18030", "macsimpchinese": "gb18030", "mactradchinese": "big5", "hkscs": "big5", "eucjpms": "euc-jp", "eucjpwin": "euc-jp",
	"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "hz": "hz-gb-2312", "hzgb": "hz-gb-2312", "hzgb2312": "hz-gb-2312", "big5": "big5", "cnbig5": "big5", "big5eten": "big5", "big5hkscs": "big5",
	"johab": "johab", "ms1361": "johab",
	"koi8r": "koi8-r", "koi8u": "koi8-u", "koi8ru": "koi8-u", "cp866u": "cp1125", "ruscii": "cp1125",
	"tis620": "windows-874", "tis6200": "windows-874", "tis62025290": "windows-874", "tis62025291": "windows-874", "isoir166": "windows-874", "thai": "windows-874", "cstis620": "windows-874", "iso885911": "windows-874", "885911": "windows-874",
	"cyrillicasian": "ptcp154", "pt154": "ptcp154", "csptcp154": "ptcp154", "rk1048": "kz1048", "strk1048": "kz1048", "cskz1048": "kz1048",
	"r8": "hproman8", "roman8": "hproman8", "cshproman8": "hproman8", "cpgr": "cp869", "cpis": "cp861", "cspc775baltic": "cp775", "csibm775": "cp775",
	"asmo708": "iso-8859-6", "ecma114": "iso-8859-6", "ecma118": "iso-8859-7", "elot928": "iso-8859-7", "isoir101": "iso-8859-2", "isoir126": "iso-8859-7", "isoir127": "iso-8859-6",
	"isoir138": "iso-8859-8", "isoir144": "iso-8859-5", "isoir226": "iso-8859-16", "l7": "iso-8859-13", "latin7": "iso-8859-13", "visualiso88598": "iso-8859-8",
	"latin1": "windows-1252", "isolatin1": "windows-1252", "iso88591": "windows-1252", "88591": "windows-1252", "latin2": "iso-8859-2", "isolatin2": "iso-8859-2", "isolatin9": "iso-8859-15", "iso88599": "windows-1254",
	"ascii": "us-ascii", "ia5": "us-ascii", "usascii": "us-ascii",
	"utf8": "utf-8", "u8": "utf-8", "unicode20utf8": "utf-8", "unicode11utf8": "utf-8", "utf7": "utf-7", "u7": "utf-7", "unicode11utf7": "utf-7", "csunicode11utf7": "utf-7", "csutf7": "utf-7",
	"utf16": "utf-16", "u16": "utf-16", "csutf16": "utf-16", "utf16be": "utf-16be", "utf16le": "utf-16le", "unicodebigunmarked": "utf-16be", "unicodelittleunmarked": "utf-16le",
	"utf32": "utf-32", "u32": "utf-32", "csutf32": "utf-32", "utf32be": "utf-32be", "csutf32be": "utf-32be", "utf32le": "utf-32le", "csutf32le": "utf-32le",
	"ebcdiccpbe": "cp500", "ebcdiccpch": "cp500", "ebcdiccphe": "cp424", "ebcdiccpus": "ibm037", "ebcdiccpca": "ibm037", "ebcdiccpwt": "ibm037", "ebcdiccpnl": "ibm037", "ibm039": "ibm037", "cp875": "cp875",
}

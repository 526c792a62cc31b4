package history

import (
	"net/mail"
	"path"
	"slices"
	"strings"
)

// kinds are the kinds by their numbers in the file, which never change.
var kinds = []Kind{KindOther, KindPDF, KindPicture, KindXML, KindTable, KindArchive, KindMessage}

func kindNumber(k Kind) int { return max(0, slices.Index(kinds, k)) }

func kindOfNumber(n int) Kind {
	if n < 0 || n >= len(kinds) {
		return KindOther
	}
	return kinds[n]
}

var kindByExtension = map[string]Kind{
	".pdf": KindPDF,
	".jpg": KindPicture, ".jpeg": KindPicture, ".png": KindPicture, ".gif": KindPicture, ".webp": KindPicture, ".tif": KindPicture, ".tiff": KindPicture,
	".bmp": KindPicture, ".heic": KindPicture, ".svg": KindPicture,
	".xml": KindXML, ".xsd": KindXML, ".xsl": KindXML,
	".csv": KindTable, ".tsv": KindTable, ".xls": KindTable, ".xlsx": KindTable, ".xlsm": KindTable, ".ods": KindTable,
	".zip": KindArchive, ".gz": KindArchive, ".tgz": KindArchive, ".tar": KindArchive, ".7z": KindArchive, ".rar": KindArchive, ".bz2": KindArchive,
	".xz": KindArchive, ".zst": KindArchive,
	".eml": KindMessage, ".msg": KindMessage, ".mbox": KindMessage,
}

var kindByMediaType = map[string]Kind{
	"application/pdf": KindPDF,
	"application/xml": KindXML, "text/xml": KindXML,
	"text/csv": KindTable, "text/tab-separated-values": KindTable, "application/vnd.ms-excel": KindTable,
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": KindTable, "application/vnd.oasis.opendocument.spreadsheet": KindTable,
	"application/zip": KindArchive, "application/gzip": KindArchive, "application/x-tar": KindArchive, "application/x-7z-compressed": KindArchive,
	"application/vnd.rar": KindArchive, "application/x-rar-compressed": KindArchive,
	"message/rfc822": KindMessage, "message/global": KindMessage, "application/vnd.ms-outlook": KindMessage,
}

// kindOf sorts a file by its extension, as that is what programs open it by, and by its media type
// if the extension says nothing.
func kindOf(mediaType, name string) Kind {
	if k, ok := kindByExtension[strings.ToLower(path.Ext(name))]; ok {
		return k
	}
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	mediaType = strings.TrimSpace(mediaType)
	if k, ok := kindByMediaType[mediaType]; ok {
		return k
	}
	switch {
	case strings.HasPrefix(mediaType, "image/"):
		return KindPicture
	case strings.HasSuffix(mediaType, "+xml"):
		return KindXML
	}
	return KindOther
}

// parseFrom splits the field From into the name and the address of its first mailbox (RFC 5322
// section 3.6.2). What is no mailbox is a name, unless it has an @.
func parseFrom(from string) (name, address string) {
	if all, err := mail.ParseAddressList(from); err == nil && len(all) > 0 {
		return clean(all[0].Name, maxText), clean(all[0].Address, maxText)
	}
	// Decoding leaves commas and the like without quotes.
	from = clean(from, maxText)
	if open := strings.LastIndexByte(from, '<'); open >= 0 {
		if address, _, closed := strings.Cut(from[open+1:], ">"); closed {
			return strings.Trim(strings.TrimSpace(from[:open]), `"`), strings.TrimSpace(address)
		}
	}
	if strings.Contains(from, "@") && !strings.ContainsAny(from, " \t") {
		return "", from
	}
	return strings.TrimSpace(from), ""
}

// senderText is what a search for the sender looks at.
func senderText(name, address string) string {
	if name == "" {
		return address
	}
	return name + " <" + address + ">"
}

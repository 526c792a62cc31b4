package web

import (
	"strconv"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
)

// file is one file that came, as lists show it.
type file struct {
	ID         string       `json:"id"` // as in its address
	Name       string       `json:"name"`
	Account    string       `json:"account"`
	Sender     string       `json:"sender"`
	SenderName string       `json:"sender_name,omitempty"`
	Subject    string       `json:"subject,omitempty"`
	Kind       history.Kind `json:"kind"`
	Size       int64        `json:"size"`
	At         time.Time    `json:"at"`
}

func fileOf(i history.Item) file {
	return file{
		ID: itemKey(i.ID), Name: i.Name, Account: i.Account, Sender: i.Sender, SenderName: i.SenderName,
		Subject: i.Subject, Kind: i.Kind, Size: i.Size, At: i.At,
	}
}

func filesOf(items []history.Item) []file {
	all := make([]file, len(items))
	for i, item := range items {
		all[i] = fileOf(item)
	}
	return all
}

// itemKey is an item's ID as addresses have it: in base 32.
func itemKey(id int64) string { return strconv.FormatInt(id, 32) }

// itemID reads what itemKey wrote.
func itemID(key string) (id int64, ok bool) {
	id, err := strconv.ParseInt(key, 32, 64)
	return id, err == nil && id > 0
}

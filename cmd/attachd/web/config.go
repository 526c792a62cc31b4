package web

import (
	"net/http"
	"time"

	"github.com/attachd/attachd/config"
)

// configView is the configuration that is in force, and what is wrong with a newer one.
type configView struct {
	Path     string          `json:"path"`
	Folder   string          `json:"accounts_dir,omitempty"` // with more files, "" for none
	Loaded   time.Time       `json:"loaded,omitzero"`
	Failed   time.Time       `json:"failed,omitzero"` // when a newer file was refused, zero if none was
	Faults   []string        `json:"faults"`
	Warnings []string        `json:"warnings"`
	Settings []setting       `json:"settings"`
	Accounts []configAccount `json:"accounts"`
	Total    int             `json:"total"` // accounts in all
	First    int             `json:"first"`
	Next     string          `json:"next,omitempty"`
	Previous string          `json:"previous,omitempty"`
}

// configAccount is an account's own part of the configuration.
type configAccount struct {
	Name     string    `json:"name"`
	Place    string    `json:"place,omitempty"`
	Settings []setting `json:"settings"`
}

// setting is one key that is in force. A secret's value is not in it.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Place  string `json:"place,omitempty"` // "" for a default
	Secret bool   `json:"secret,omitempty"`
	own    bool
}

func settingsOf(all []config.Setting) []setting {
	list := make([]setting, 0, len(all))
	for _, c := range all {
		one := setting{Key: c.Key, Value: c.Value, Place: c.Place, Secret: c.Secret, own: c.Own}
		if one.Secret {
			one.Value = "" // a second lock: the configuration gives none either
		}
		list = append(list, one)
	}
	return list
}

// settingsWhere are the settings that a file gives, or those that none gives.
func settingsWhere(all []setting, given bool) (some []setting) {
	for _, one := range all {
		if (one.Place != "") == given {
			some = append(some, one)
		}
	}
	return some
}

func (s *Server) configRoutes() {
	s.view("/config", s.configuration)
	s.action("/config/reload", form{back: "/config", do: s.reload})
}

// config is the configuration in force, nil if none was given.
func (s *Server) config() *config.Config {
	if s.options.Config == nil {
		return nil
	}
	return s.options.Config()
}

func (s *Server) configuration(r *http.Request) (*View, error) {
	state := s.options.Board.Snapshot().Machine.Config
	v := configView{
		Path: state.Path, Loaded: state.Loaded, Failed: state.Failed,
		Faults: append([]string{}, state.Faults...), Warnings: append([]string{}, state.Warnings...), // never null
		Settings: []setting{}, Accounts: []configAccount{},
	}
	if c := s.config(); c != nil {
		v.Folder, v.Total, v.Settings = c.AccountsDir, len(c.Accounts), settingsOf(c.Settings())
		v.turn(r, c)
	}
	return &View{Template: "config", Title: "Configuration", Nav: "config", Data: v, Twin: true}, nil
}

// accountOf is the place of an account in the configuration, -1 without one.
func accountOf(c *config.Config, name string) int {
	for i := range c.Accounts { // an account is large: none is copied
		if c.Accounts[i].Name == name {
			return i
		}
	}
	return -1
}

// turn fills in the page of accounts that a request asks for, in the order of the configuration.
func (v *configView) turn(r *http.Request, c *config.Config) {
	at := func(name string) int {
		if a := accountOf(c, name); a >= 0 && name != "" {
			return a
		}
		return -1
	}
	query := r.URL.Query()
	from := at(query.Get("after")) + 1
	if before := at(query.Get("before")); before > 0 {
		from = max(before-perPage, 0)
	}
	to := min(from+perPage, len(c.Accounts))
	for i := from; i < to; i++ {
		name := c.Accounts[i].Name
		own := configAccount{Name: name, Place: c.AccountPlace(name), Settings: []setting{}}
		for _, one := range settingsOf(c.AccountSettings(name)) {
			if one.own && one.Key != "name" {
				own.Settings = append(own.Settings, one)
			}
		}
		v.Accounts = append(v.Accounts, own)
	}
	if from < to {
		v.First = from + 1
	}
	if to < len(c.Accounts) {
		v.Next = turned(*r.URL, "after", c.Accounts[to-1].Name)
	}
	if from > 0 && from < to {
		v.Previous = turned(*r.URL, "before", c.Accounts[from].Name)
	}
}

// Last is the number of the last account shown.
func (v configView) Last() int { return v.First + len(v.Accounts) - 1 }

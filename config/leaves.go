package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// placed is a field of a raw struct that knows where the file has it.
type placed interface {
	where() (at position, set bool)
}

func (v *value[T]) where() (position, bool)   { return v.at, v.set }
func (v *value[T]) content() any              { return v.v }
func (w *words) where() (position, bool)      { return w.at, w.set }
func (r *rawRules) where() (position, bool)   { return r.at, r.set }
func (r *rawHeaders) where() (position, bool) { return r.at, r.set }

// leaf is one key of a section that has a value, and the field for it.
type leaf struct {
	key   string // "tls.ca_file"
	index []int
	part  int // of a rawSecret
}

// leavesOf lists the keys of a raw struct and of the sections in it.
func leavesOf(t reflect.Type, prefix string, index []int) (leaves []leaf) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		at := append(append([]int(nil), index...), i)
		switch {
		case f.Anonymous:
			leaves = append(leaves, leavesOf(f.Type, prefix, at)...)
		case tag == "":
		case f.Type == reflect.TypeFor[rawSecret]():
			for part, suffix := range secretSuffixes {
				leaves = append(leaves, leaf{prefix + tag + suffix, at, part})
			}
		case reflect.PointerTo(f.Type).Implements(reflect.TypeFor[placed]()):
			leaves = append(leaves, leaf{prefix + tag, at, 0})
		case f.Type.Kind() == reflect.Struct:
			leaves = append(leaves, leavesOf(f.Type, prefix+tag+".", at)...)
		}
	}
	return leaves
}

// in returns the leaf's field of the raw struct v.
func (l *leaf) in(v reflect.Value) placed {
	switch field := v.FieldByIndex(l.index).Addr().Interface().(type) {
	case *rawSecret:
		return field.parts()[l.part]
	case placed:
		return field
	}
	return nil
}

// The keys of the two sections that have many.
var (
	accountLeaves = sync.OnceValue(func() []leaf { return leavesOf(reflect.TypeFor[rawAccount](), "", nil) })
	topLeaves     = sync.OnceValue(func() []leaf { return leavesOf(reflect.TypeFor[rawConfig](), "", nil) })
)

// spot is where the file has one key of an account, in few bytes, as there may be ten thousand
// accounts.
type spot struct {
	leaf uint16 // index into accountLeaves
	item uint16 // 1 + the index of an entry of its list; 0 for the key itself
	place
}

// places are the places of all keys that the files have.
type places struct {
	files    []string         // as people know them: below the folder of the configuration
	top      map[string]place // the keys of the main file, except those of accounts
	accounts map[string][]spot
	scratch  []spot

	jitter   value[time.Duration] // of the top level
	defaults []Setting            // the keys of the section defaults
}

// place is a place in a file.
type place struct {
	file      uint32 // index into places.files
	line, col uint32
}

func placeOf(at position) place {
	return place{uint32(at.fileIndex), uint32(at.line), uint32(at.col)}
}

// placesOf collects the places of the main file's keys.
func placesOf(r *rawConfig) *places {
	p := &places{files: []string{""}, top: map[string]place{}, accounts: map[string][]spot{}, jitter: r.Jitter}
	p.section(topLeaves(), reflect.ValueOf(r).Elem(), "")
	for i := range r.Notify.To.list {
		t := &r.Notify.To.list[i]
		prefix := targetKey(i)
		p.top[strings.TrimSuffix(prefix, ".")] = placeOf(t.at)
		p.section(leavesOf(reflect.TypeFor[rawTarget](), prefix, nil), reflect.ValueOf(t).Elem(), "")
	}
	return p
}

// defaultSettings lists the keys of the section defaults as the file has them.
func (p *places) defaultSettings(r *rawDefaults) {
	const prefix = "defaults."
	v := reflect.ValueOf(r).Elem()
	leaves := leavesOf(v.Type(), "", nil)
	for i := range leaves {
		field := leaves[i].in(v)
		at, set := field.where()
		if !set {
			continue
		}
		s := Setting{Key: prefix + leaves[i].key, Place: p.text(placeOf(at)), Col: at.col, Own: true}
		switch field := field.(type) {
		case *rawRules:
			rules := make([]Rule, len(field.list))
			for n := range field.list {
				rules[n] = field.list[n].rule()
			}
			s.Value = rulesText(rules)
		case interface{ content() any }:
			text, ok := valueText(field.content())
			if argv, isList := field.content().([]string); isList && strings.HasSuffix(s.Key, "_command") {
				text = commandText(argv)
			}
			s.Value, s.Secret = text, !ok
		}
		p.defaults = append(p.defaults, s)
	}
}

// section adds the keys of one raw struct.
func (p *places) section(leaves []leaf, v reflect.Value, prefix string) {
	for i := range leaves {
		if at, set := leaves[i].in(v).where(); set {
			p.top[prefix+leaves[i].key] = placeOf(at)
		}
	}
}

// account adds the keys of an account that has inherited what it does not have.
func (p *places) account(name string, r *rawAccount) {
	v := reflect.ValueOf(r).Elem()
	spots := p.scratch[:0]
	leaves := accountLeaves()
	for i := range leaves {
		field := leaves[i].in(v)
		at, set := field.where()
		if !set {
			continue
		}
		spots = append(spots, spot{uint16(i), 0, placeOf(at)})
		if rules, ok := field.(*rawRules); ok {
			for n := range rules.list {
				spots = append(spots, spot{uint16(i), uint16(min(n+1, 1<<16-1)), placeOf(rules.list[n].at)})
			}
		}
	}
	p.scratch = spots
	p.accounts[name] = slices.Clone(spots)
}

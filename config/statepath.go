package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"gopkg.in/yaml.v3"
)

// stateLine is the key state where it mostly stands: at the beginning of a line of its own.
var stateLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^(?:state|"state"|'state')[ \t]*:[ \t].*$`) })

// StatePath returns the absolute path of the state file that the configuration file at path names.
// It is for commands that look for a running daemon, often: it checks nothing, and reads neither
// accounts nor secrets. A fault elsewhere in the file does not matter if state stands on a line of
// its own.
func StatePath(path string) (string, error) {
	file, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, explain(file, err))
	}
	name, err := stateKey(stateLine().Find(data))
	if err != nil || name == "" { // an alias, or a value with more lines
		name, err = stateKey(data)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("read %s: %w", path, err)
	case name == "":
		return "", fmt.Errorf("read %s: it names no state file", path)
	case filepath.IsAbs(name):
		return filepath.Clean(name), nil
	}
	return filepath.Join(filepath.Dir(file), name), nil
}

// stateKey reads the key state of a text in YAML; "" if there is none.
func stateKey(text []byte) (name string, err error) {
	defer func() {
		if recover() != nil { // as in load
			err = errors.New("it brought the YAML parser down")
		}
	}()
	var top struct {
		State string `yaml:"state"`
	}
	err = yaml.Unmarshal(text, &top)
	return top.State, err
}

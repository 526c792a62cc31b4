//go:build ignore

// Command popserver is the demo's mail server, for trials of attachd in a machine of its own: user
// hans, on a port of 127.0.0.1. It writes its port to FOLDER/port and its certificate to
// FOLDER/ca.pem, and serves until it is ended.
//
//	popserver FOLDER
package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/attachd/attachd/cmd/attachd/demo"
)

func main() {
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}

func serve(folder string) error {
	server, _, err := demo.NewServer("")
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), server.CertPEM(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "port"), []byte(port), 0o644)
}

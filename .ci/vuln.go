//go:build ignore

// Command vuln runs govulncheck if the database of known vulnerabilities answers. If not, it says
// so in one line and succeeds:
//
//	vuln DATABASE go run golang.org/x/vuln/cmd/govulncheck@VERSION ./...
//
// DATABASE is a URL and is passed on as -db. Otherwise the exit status is the command's.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"time"
)

const patience = 10 * time.Second // with a database that does not answer

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: vuln DATABASE COMMAND [ARGUMENT]...")
		os.Exit(2)
	}
	if err := answers(os.Args[1] + "/index/db.json"); err != nil {
		fmt.Printf("govulncheck is left out, its database cannot be reached: %v\n", err)
		return
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "run govulncheck: %v\n", err)
		os.Exit(1)
	}
}

// answers asks for the smallest file of a database.
func answers(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}

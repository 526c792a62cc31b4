//go:build !manual

package main

import "github.com/spf13/cobra"

// buildCommands are the commands that only those need who build packages: none, in a program that
// is used.
func buildCommands() []*cobra.Command { return nil }

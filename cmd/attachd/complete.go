package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/manual"
)

// addCompletions has shells complete what a command takes, by the words of its usage: accounts for
// ACCOUNT, YAML files for --config, nothing for a command without arguments. What a shell asks for
// is answered at once and never with an error.
func addCompletions(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil {
		_, arguments, _ := strings.Cut(cmd.Use, " ")
		switch {
		case strings.Contains(arguments, "ACCOUNT"), strings.HasPrefix(arguments, "OLD NEW"):
			cmd.ValidArgsFunction = completeAccounts
		case arguments == "":
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	// The flags and their completions are those of this command, so none of these can fail.
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		value, _ := pflag.UnquoteUsage(f)
		switch {
		case f.Name == "config":
			_ = cmd.MarkFlagFilename(f.Name, "yaml", "yml")
		case value == "ACCOUNT":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
				return accountNames(cmd), cobra.ShellCompDirectiveNoFileComp
			})
		case value == "FOLDER":
			_ = cmd.MarkFlagDirname(f.Name)
		case f.Name == "log-level":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, completeWords("log.level"))
		case f.Name == "log-format":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, completeWords("log.format"))
		}
	})
	for _, sub := range cmd.Commands() {
		addCompletions(sub)
	}
}

// completeAccounts completes names of accounts that are not there yet: as many as the usage takes.
func completeAccounts(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	many := strings.Contains(cmd.Use, "ACCOUNT...") || strings.Contains(cmd.Use, "ACCOUNT]...")
	if all := cmd.Flags().Lookup("all"); strings.Contains(cmd.Use, " ID...") {
		many = all != nil && all.Changed
	}
	most := 1 + strings.Count(cmd.Use, "OLD NEW")
	if !many && len(args) >= most {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := slices.DeleteFunc(accountNames(cmd), func(name string) bool { return slices.Contains(args, name) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

// accountNames are those of the configuration that the command line names.
func accountNames(cmd *cobra.Command) []string {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil
	}
	return config.AccountNames(path)
}

// completeHelp completes commands and, behind config, keys of the configuration.
func completeHelp(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var words []string
	topic, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) == 0 {
		for _, sub := range topic.Commands() {
			if sub.IsAvailableCommand() {
				words = append(words, sub.Name()+"\t"+sub.Short)
			}
		}
	}
	if len(args) > 0 && args[0] == "config" {
		for _, e := range manual.Entries() {
			words = append(words, e.Short()+"\t"+e.Title)
		}
	}
	words = slices.DeleteFunc(words, func(word string) bool { return !strings.HasPrefix(word, begun) })
	return words, cobra.ShellCompDirectiveNoFileComp
}

// completeWords completes the words that a key of the configuration takes. They are looked up when
// a shell asks: a description of all keys would hold up the start of every command.
func completeWords(path string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return wordsOf(path), cobra.ShellCompDirectiveNoFileComp
	}
}

// wordsOf are the words that a key of the configuration takes.
func wordsOf(path string) []string {
	for _, k := range config.Flat(config.Keys()) {
		if k.Path == path {
			return k.Words
		}
	}
	return nil
}

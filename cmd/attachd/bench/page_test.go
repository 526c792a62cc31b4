package bench

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readme has each row written into README.md and below deploy/ as soon as it is found.
var readme = flag.Bool("readme", false, "write the results into README.md, deploy/performance.md and deploy/bench.svg")

// The section of README.md between these lines is written anew.
const (
	sectionBegin = "<!-- make bench-readme writes what follows -->"
	sectionEnd   = "<!-- and this is its end -->"
)

// publish writes the report into the repository at root.
func (r report) publish(root string) error {
	file := filepath.Join(root, "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err = replaceSection(text, r.section())
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", file, err)
	}
	for path, content := range map[string][]byte{
		file: text,
		filepath.Join(root, "deploy", "bench.svg"):      []byte(r.svg()),
		filepath.Join(root, "deploy", "performance.md"): []byte(r.page()),
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func replaceSection(text []byte, section string) ([]byte, error) {
	before, rest, begins := bytes.Cut(text, []byte(sectionBegin))
	_, after, ends := bytes.Cut(rest, []byte(sectionEnd))
	if !begins || !ends {
		return nil, fmt.Errorf("find the section: put it between the lines %q and %q", sectionBegin, sectionEnd)
	}
	return bytes.Join([][]byte{before, []byte(sectionBegin + "\n" + section + sectionEnd), after}, nil), nil
}

// section is the part of README: for each row how attachd stands beside the drain and beside mpop
// with ripMIME, which come next in speed.
func (r report) section() string {
	var b strings.Builder
	b.WriteString("![Wall time, CPU, memory, system calls and fsyncs of attachd and other programs](deploy/bench.svg)\n\n")
	fmt.Fprintf(&b, "Measured on %s: %s. Medians of runs in turns, every file compared with what was sent.\n"+
		"The ideal drain receives the mail and keeps nothing.\n[`deploy/performance.md`](deploy/performance.md) has every figure.\n\n", r.date, r.machine)
	b.WriteString("| work | attachd | × ideal drain | × mpop + ripMIME | CPU × theirs | peak |\n|---|---|---|---|---|---|\n")
	for _, row := range r.rows {
		peer := row.line("mpop+ripMIME")
		if len(row.lines) == 0 {
			fmt.Fprintf(&b, "| %s | – | – | – | – | – |\n", row.title)
		}
		for _, ours := range row.lines {
			if !ours.ours {
				continue
			}
			cells, title := ours.cells(), row.title
			wall, cpu, beside, drain := cells[1], "–", "–", "–"
			if ours.wall == 0 {
				wall = ours.cpu + " of CPU per " + row.cpuPer
			}
			if row.lines[0].name == "drain" {
				drain = cells[2]
			}
			if _, with, more := strings.Cut(ours.name, ", "); more {
				title += ", " + with
			}
			if peer.wall > 0 {
				beside = fmt.Sprintf("%.2f", ratio(ours.wall, peer.wall))
				cpu = fmt.Sprintf("%.2f", ratio(ours.cpuTime, peer.cpuTime))
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", title, wall, drain, beside, cpu, cells[4])
		}
	}
	return b.String()
}

func (r reportRow) line(name string) reportLine {
	for _, line := range r.lines {
		if line.name == name {
			return line
		}
	}
	return reportLine{}
}

// page is the page of all figures.
func (r report) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Performance

`+"`make bench-readme`"+` measured this on %s and wrote this page.
The machine: %s.

All programs do the same work in turns, round by round, over TLS on loopback, and leave their files
on the same disk. The figures are medians of the rounds. Every file is compared with what was sent.
Server and client share the processors.

- **wall** is from the start of the program to its end.
- **× drain** compares it with an ideal client that receives everything and keeps nothing.
- **CPU** is user and system time of the program with its children, for each GB of mail, each poll,
  or each second of a daemon.
- **peak** is the memory of its largest process.
- **calls** and **fsyncs** were counted by strace in a run that was not timed.

These are limits, not programs to use: **drain**; **files**, which writes as many files of those
sizes and makes each durable before the next; **files-parallel**, which does so in groups, 16 at
once; **drain+files**, which drains, writes a file of each message, and sends DELE and QUIT when all
of a mailbox are durable; **drain+records**, which also records what is in each file, by its digest,
before it gets its name, durably once a group; **drain+decode**, which also decodes base64, of mail
that is exactly as the bench makes it, so that its files are those that were sent; **bare poll**,
which polls a hundred times a second and knows nothing of mail; **TLS client**, which shakes hands
and ends.

The other programs are set as fast as they get. mpop, fdm and getmail6 sync each message, the script
in Python (poplib, email) each file. What ripMIME and munpack write is synced at their end. None of
them removes the messages that it has unpacked. Where one needs seconds, it runs once; where it
needs minutes, it is left out.
`, r.date, r.machine)
	for _, row := range r.rows {
		fmt.Fprintf(&b, "\n## %s\n", row.title)
		if len(row.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n| %s | |\n|%s\n", strings.Join(row.columns(), " | "), strings.Repeat("---|", len(row.columns())+1))
		for _, line := range row.lines {
			cells := line.cells()
			if line.ours {
				cells[0] = "**" + cells[0] + "**"
			}
			fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(cells, " | "), line.note)
		}
		if len(row.goals) > 0 {
			b.WriteString("\n")
		}
		for _, goal := range row.goals {
			fmt.Fprintf(&b, "- %s\n", goal)
		}
	}
	return b.String()
}

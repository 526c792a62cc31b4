package sqlite

// Hook is told what a [Ledger] does next. What it returns is the error of that step, and
// nil lets it happen. It is how tests of what stands upon a Ledger fail a step, or
// end the process at it. name says which read or change it is.
type Hook func(step Step, name string) error

// Step names a step for a [Hook].
type Step string

// The steps. An error after the commit is one of which the caller can't know whether
// the change has reached the disk.
const (
	StepRead      Step = "read"
	StepBegin     Step = "begin"
	StepCommit    Step = "commit"
	StepCommitted Step = "committed"
)

// SetHook has h asked from now on. It is called before the Ledger is used.
func (l *Ledger) SetHook(h Hook) { l.hook = h }

// before asks the hook.
func (l *Ledger) before(s Step, name string) error {
	if l.hook == nil {
		return nil
	}
	return l.hook(s, name)
}

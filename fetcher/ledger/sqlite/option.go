package sqlite

// Hook is told what a [Ledger] does next. It returns the error of that step, or nil to let it
// happen. Tests fail a step by it, or end the process there. name says which read or change it is.
type Hook func(step Step, name string) error

// Step names a step for a [Hook].
type Step string

// The steps. After an error of the last one the caller can't know whether
// the change has reached the disk.
const (
	StepRead      Step = "read"
	StepBegin     Step = "begin"
	StepCommit    Step = "commit"
	StepCommitted Step = "committed"
)

// Option is a setting of [Open].
type Option func(*file)

// WithHook has a hook asked at every step after Open.
func WithHook(h Hook) Option { return func(f *file) { f.hook = h } }

// before asks the hook.
func (l *Ledger) before(s Step, name string) error {
	if l.hook == nil {
		return nil
	}
	return l.hook(s, name)
}

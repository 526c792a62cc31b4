package sink

// Hook is asked before each file operation, with the name of the file or folder. Its error becomes
// that of the operation, and nil lets it happen. It is called from many goroutines at once.
type Hook interface {
	Before(step Step, name string) error
}

// Step names a file operation for a [Hook].
type Step string

// The file operations that change something, and the look for a free name.
const (
	StepOpen        Step = "open folder"
	StepMkdir       Step = "mkdir"
	StepChown       Step = "chown" // of a folder that was made, or of a staging file
	StepChmod       Step = "chmod" // likewise
	StepCreate      Step = "create"
	StepWrite       Step = "write"
	StepFsync       Step = "fsync"
	StepLook        Step = "look"
	StepRename      Step = "rename"
	StepLink        Step = "link"         // where renameat2 can't keep from overwriting
	StepPlainRename Step = "plain rename" // where there are no links either
	StepUnlink      Step = "unlink"
	StepFsyncFolder Step = "fsync folder"
	StepMark        Step = "mark"
)

// hooks asks a Hook, if there is one.
type hooks struct{ hook Hook }

func (h hooks) before(s Step, name string) error {
	if h.hook == nil {
		return nil
	}
	return h.hook.Before(s, name)
}

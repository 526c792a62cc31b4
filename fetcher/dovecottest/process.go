package dovecottest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is Dovecot's master process with all its children, which share its
// process group.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the master has ended
}

func startProcess(dovecot, config, output string) (*process, error) {
	// A file and no pipe, on which Wait would wait for every child to close it.
	out, err := os.Create(output)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(dovecot, "-F", "-c", config)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(p.cmd.SysProcAttr)

	started := make(chan error)
	go func() {
		// What the kernel takes for the parent is the thread that started the
		// process: it has to live as long.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait() // how it ended is of no interest
		}
		close(p.done)
	}()
	return p, <-started
}

// end asks the master to end, waits as long as grace for it, and kills what is left
// of the group. A Dovecot that is asked takes a second; one that is killed without
// asking may leave locks in the mailboxes.
func (p *process) end(grace time.Duration) error {
	group := p.cmd.Process.Pid
	if grace > 0 {
		p.cmd.Process.Signal(syscall.SIGTERM) // an error says that it has ended
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
		}
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", group, err)
	}
	<-p.done
	return nil
}

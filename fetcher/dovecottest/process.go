package dovecottest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
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

// kill ends the whole group at once. A Dovecot that is asked to end takes a second
// for it, and nothing is lost this way: it answers QUIT when the deletions are done.
func (p *process) kill() error {
	group := p.cmd.Process.Pid
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", group, err)
	}
	<-p.done
	return nil
}

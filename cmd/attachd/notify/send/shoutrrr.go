package send

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/config"
)

// The services of shoutrrr run in a process of their own, for these reasons. Its calls take no
// context, some have no time-out at all, and each that times out leaves a goroutine behind: a
// process can be ended. Its errors have tokens in them: this one hands on words of attachd's alone.
// And its services share http.DefaultClient, whose redirects would carry a key to another host:
// there it can be replaced.

const (
	// shoutrrrTimeout bounds the process.
	shoutrrrTimeout = 30 * time.Second
	// maxShoutrrr is less than what the services take: Discord 2000 characters, Telegram 4096.
	maxShoutrrr = 1900
	// maxExcuse bounds what the process says.
	maxExcuse = 512
)

// errNoShoutrrr is for a program that was built without it, or a test.
var errNoShoutrrr = errors.New("this program cannot run itself, which the services of shoutrrr need")

// order is what the process reads from its standard input.
type order struct {
	URL  string `json:"url"`
	Text string `json:"text"`
}

// marking are the services that read markup. They get what strangers said as code.
var marking = map[string]bool{
	"discord": true, "googlechat": true, "hangouts": true, "lark": true, "matrix": true, "mattermost": true,
	"rocketchat": true, "slack": true, "teams": true, "wecom": true, "zulip": true,
}

// shoutrrr sends a notice by the process.
func (t *Target) shoutrrr(ctx context.Context, c *config.ShoutrrrTarget, n *Notice) error {
	if len(t.options.Shoutrrr) == 0 {
		return errNoShoutrrr
	}
	address, err := resolve(ctx, c.URL)
	if err != nil {
		return err
	}
	text := "attachd: " + harmless(n.Title()) + "\n\n" + harmless(n.text(plain))
	if marking[service(address)] {
		text = n.chat(maxShoutrrr)
	}
	input, err := json.Marshal(order{address, cut(text, maxShoutrrr)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, shoutrrrTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.options.Shoutrrr[0], t.options.Shoutrrr[1:]...)
	excuse := &bounded{most: maxExcuse}
	cmd.Stdin, cmd.Stdout, cmd.Env, cmd.WaitDelay = bytes.NewReader(input), excuse, network(os.Environ()), time.Second
	err = cmd.Run()
	switch _, exited := errors.AsType[*exec.ExitError](err); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case exited && excuse.Len() > 0:
		return outbound.Conceal(errors.New(strings.TrimSpace(excuse.String())), address)
	}
	return outbound.Conceal(err, address)
}

// service is the scheme of a URL up to a +, in lower case.
func service(address string) string {
	scheme, _, _ := strings.Cut(address, ":")
	scheme, _, _ = strings.Cut(scheme, "+")
	return strings.ToLower(scheme)
}

// network keeps of an environment what concerns the network. The secrets of others stay here.
func network(environment []string) []string {
	kept := []string{}
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch strings.ToUpper(name) {
		case "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "PATH", "TZ", "TMPDIR", "GODEBUG":
			kept = append(kept, entry)
		}
	}
	return kept
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), b.most-b.Len())])
	return len(p), nil
}

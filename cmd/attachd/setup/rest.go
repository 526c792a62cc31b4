package setup

import (
	"context"
	"errors"
	"strings"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
)

// fewMessages is how many messages may wait for a first run to fetch all of them unless told
// otherwise.
const fewMessages = 200

// The other ways on after a failed login.
const (
	wayPassword = "password"
	wayUser     = "user"
	wayServer   = "server"
	wayGoOn     = "go-on"
)

// tryLogin tries the login until it works, or a person goes on without. An account that somebody
// has to sign in for is tried after that.
func (q *asker) tryLogin(ctx context.Context) error {
	if q.Untried || !q.a.SignIn.IsZero() && q.a.SignIn.Grant != string(config.GrantClientCredentials) {
		_, _, _, err := q.Base.draft(&q.a) // its faults are better found now
		return err
	}
	for range maxAttempts {
		q.Say("Logging in at %s as %s …", q.a.Server.Host, q.a.Username)
		login, err := q.Base.try(ctx, &q.a)
		if err == nil {
			q.login = &login
			q.Say("The login works. %s", Waiting(login))
			return nil
		}
		failed, ok := errors.AsType[*LoginError](err)
		if !ok || ctx.Err() != nil {
			return err
		}
		explain(q.Terminal, failed, &q.a)
		if q.Silent {
			return failed
		}
		goOn, err := q.again(failed)
		if err != nil || goOn {
			q.a.LoginFailed = goOn
			return err
		}
	}
	return errors.New("the login failed too often: see whether the mailbox is locked by now")
}

// again asks what to do about a failed login.
func (q *asker) again(failed *LoginError) (goOn bool, err error) {
	preset := wayServer
	if failed.Step == "login" && q.a.SignIn.IsZero() && q.a.Password.Typed != "" {
		preset = wayPassword
	}
	if failed.Class == trouble.LoginUnavailable || failed.Class == trouble.Throttled || failed.Class == trouble.MailboxInUse {
		preset = wayGoOn
	}
	way, err := q.choose("Try another password, user or server, or go on without (go-on)", preset, wayPassword, wayUser, wayServer, wayGoOn)
	if err != nil {
		return false, err
	}
	switch way {
	case wayPassword:
		return false, q.password()
	case wayUser:
		if q.a.Username, err = q.ask("User name", q.a.Username, notEmpty); err != nil {
			return false, err
		}
		return false, q.password()
	case wayServer:
		return false, q.typedServer(serverText(q.a.Server))
	}
	return true, nil
}

func notEmpty(answer string) error {
	if answer == "" {
		return errors.New("it can't be empty")
	}
	return nil
}

// folder asks where the files go, for a new configuration.
func (q *asker) folder(context.Context) error {
	b := q.Base
	if b.file == nil && !q.Silent && !b.outputGiven {
		answer, err := q.ask("Folder for the files", b.output, func(answer string) error {
			if strings.HasPrefix(answer, "~") || strings.Contains(answer, "$") {
				return errors.New("write the whole path, without ~ and variables")
			}
			return notEmpty(answer)
		})
		if err != nil {
			return err
		}
		b.output = answer
	}
	q.Say("The files of this account go to %s.", b.outputOf(&q.a))
	return nil
}

// start asks which mail is fetched.
func (q *asker) start(context.Context) error {
	if q.a.Start != "" {
		return nil
	}
	q.a.Start = "all"
	if q.Silent {
		return nil
	}
	if q.login != nil && q.login.Probe.Waiting > fewMessages {
		q.a.Start = "30d"
	}
	answer, err := q.ask("Which mail (all, only from now on, or an age such as 30d)", q.a.Start, func(answer string) error {
		_, err := config.ParseStart(answer)
		return err
	})
	q.a.Start = answer
	return err
}

// after asks what becomes of a message on the server.
func (q *asker) after(context.Context) error {
	if q.a.After == "" && q.Silent {
		q.a.After = string(config.AfterKeep)
	}
	if q.a.After != "" {
		return nil
	}
	q.Say("Mail can stay on the server, or be deleted once its files are safe. Mail without files stays.")
	var err error
	q.a.After, err = q.choose("Keep or delete", string(config.AfterKeep), string(config.AfterKeep), string(config.AfterDelete))
	if err != nil || q.a.After == string(config.AfterKeep) {
		return err
	}
	answer, err := q.ask("Delete how long after (delete_after; 0 for at once)", "30d", func(answer string) error {
		if answer == "0" {
			return nil
		}
		_, err := config.ParseDuration(answer)
		return err
	})
	if answer != "0" {
		q.a.DeleteAfter = answer
	}
	return err
}

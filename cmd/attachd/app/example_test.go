package app_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// A program of its own prints what arrives, until it is interrupted.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	const path = "/etc/attachd/attachd.yaml"
	c, _, err := config.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := app.Open(ctx, app.Options{Config: c, Path: path, Observe: func(e event.Event) {
		if d, ok := e.(event.Delivered); ok {
			fmt.Println(d.Account, d.Attachment.Path)
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	a.Run(ctx)
}

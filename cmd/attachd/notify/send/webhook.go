package send

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// maxSlack is less than what Slack takes as one text, 40,000 characters.
const maxSlack = 30000

// webhook posts a notice.
func (t *Target) webhook(ctx context.Context, c *config.WebhookTarget, n *Notice) error {
	address, err := resolve(ctx, c.URL)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	for _, h := range c.Headers {
		header.Set(h.Name, string(h.Value))
	}
	body := n.generic
	if c.Format == config.FormatSlack {
		body = n.slack
	}
	data, err := body()
	if err != nil {
		return err
	}
	return t.options.Client.Do(ctx, outbound.Request{Method: http.MethodPost, URL: address, Header: header, Body: data})
}

// slack is a notice as Slack's incoming webhooks take it, and those of Mattermost, Rocket.Chat and
// Discord (with /slack behind its URL). Three characters have a meaning of their own there and are
// written as entities: https://docs.slack.dev/messaging/formatting-message-text
func (n *Notice) slack() ([]byte, error) {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(n.chat(maxSlack))
	return encode(struct {
		Text string `json:"text"`
	}{text})
}

// chat is a notice for what may read markup, of at most so many bytes. Code that was cut is closed.
func (n *Notice) chat(most int) string {
	text := "*" + harmless(n.Title()) + "*\n\n" + n.text(chat)
	if len(text) <= most {
		return text
	}
	text = cut(text, most-len("```\n"))
	if strings.Count(text, "```")%2 != 0 {
		text += "```\n"
	}
	return text
}

// generic is a notice in attachd's own format, which the package comment describes.
func (n *Notice) generic() ([]byte, error) {
	shown := n.Items[:min(len(n.Items), maxWhole+maxHeadings)]
	cases := make([]shownItem, len(shown))
	for i, item := range shown {
		cases[i] = shownItem{item, when(item.Ended), when(item.Next)}
		cases[i].Accounts, cases[i].Said = orEmpty(item.Accounts), orEmpty(item.Said)
	}
	return encode(struct {
		Version  int         `json:"version"`
		ID       string      `json:"id"`
		At       time.Time   `json:"at"`
		Machine  string      `json:"machine"`
		Title    string      `json:"title"`
		Text     string      `json:"text"`
		NeedsYou bool        `json:"needs_you"`
		Dropped  int         `json:"dropped"`
		Page     string      `json:"page"`
		Test     bool        `json:"test"`
		Cases    []shownItem `json:"cases"`
		More     int         `json:"cases_more"`
	}{1, n.ID, n.At, n.Machine, n.Title(), n.text(plain), n.NeedsYou(), n.Dropped, n.Page, n.Test, cases, n.more()})
}

// shownItem is an item whose times may be null.
type shownItem struct {
	Item
	Ended *time.Time `json:"ended"`
	Next  *time.Time `json:"next"`
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// encode returns the JSON of v. A stranger's text in it is safe to print.
func encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	return foreign.JSON(data), err
}

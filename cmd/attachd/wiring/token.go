package wiring

import (
	"context"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/oauth"
)

// shared is what accounts of one set have in common.
type shared struct {
	tokens   clientTokens
	servers  servers
	settings settingsOf
}

func newShared() shared { return shared{make(clientTokens), make(servers), make(settingsOf)} }

// clientTokens are the sources of tokens that belong to a client rather than to an account. One
// such token is good for all mailboxes that the client may read.
type clientTokens map[clientKey]*oauth.Source

type clientKey struct {
	oauth config.OAuth
	proxy config.Proxy
}

// tokens returns the source of an account's access tokens, nil for an account that logs in with a
// password. An account is made once, and its source keeps a token from poll to poll.
func tokens(c *config.Config, a *config.Account, own clientTokens) func(ctx context.Context, refused string) (string, error) {
	var source *oauth.Source
	switch {
	case !a.Token.IsZero():
		token := a.Token
		source = oauth.NewCommandSource(func(ctx context.Context) (string, error) {
			s, err := token.Resolve(ctx)
			return string(s), err
		}, a.TokenLifetime)
	case a.OAuth == config.OAuth{}:
		return nil
	case a.OAuth.Grant == config.GrantClientCredentials:
		key := clientKey{a.OAuth, a.Proxy}
		if source = own[key]; source == nil {
			source = oauth.NewClientCredentialsSource(OAuthClient(*a))
			own[key] = source
		}
	case a.OAuth.Grant == config.GrantServiceAccount:
		key := a.OAuth.Key
		source = oauth.NewServiceAccountSource(&oauth.ServiceAccount{
			Key:     func(ctx context.Context) (string, error) { s, err := key.Resolve(ctx); return string(s), err },
			Subject: a.Username, TokenURL: string(a.OAuth.TokenURL), Scopes: strings.Fields(a.OAuth.Scopes), HTTP: oauth.NewHTTPClient(dialer(a.Proxy)),
		})
	default:
		source = oauth.NewStoredSource(a.Name, OAuthClient(*a), TokenStore(c, *a))
	}
	return source.Token
}

// TokenStore is where the account's sign-in is kept.
func TokenStore(c *config.Config, a config.Account) *oauth.Store {
	return oauth.NewStore(TokenDir(c), a.Name)
}

// TokenDir is the folder of the sign-ins, beside the state file.
func TokenDir(c *config.Config) string { return c.State + ".tokens" }

// OAuthClient is the account's registration with an authorization server.
func OAuthClient(a config.Account) *oauth.Client {
	params := a.OAuth.AuthParams()
	params.Set("login_hint", a.Username) // or a browser that is signed in already offers its own user
	client := &oauth.Client{
		ID:       a.OAuth.ClientID,
		TokenURL: string(a.OAuth.TokenURL), AuthURL: string(a.OAuth.AuthURL), DeviceURL: string(a.OAuth.DeviceURL),
		Scopes:       strings.Fields(a.OAuth.Scopes),
		AuthParams:   params,
		RedirectHost: a.OAuth.RedirectHost(),
		HTTP:         oauth.NewHTTPClient(dialer(a.Proxy)),
	}
	if !a.OAuth.ClientSecret.IsZero() {
		client.Secret = func(ctx context.Context) (string, error) {
			s, err := a.OAuth.ClientSecret.Resolve(ctx)
			return string(s), err
		}
	}
	return client
}

package main

import (
	"context"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/oauth"
)

// tokens gives the account's access tokens, nil for one that logs in with a password. The accounts of one daemon are
// made once each, so a token is kept from poll to poll.
func tokens(c *config.Config, a config.Account) func(ctx context.Context, refused string) (string, error) {
	var source *oauth.Source
	switch {
	case !a.Token.IsZero():
		source = oauth.NewCommandSource(a.Name, func(ctx context.Context) (string, error) {
			s, err := a.Token.Resolve(ctx)
			return string(s), err
		}, a.TokenLifetime)
	case a.OAuth == config.OAuth{}:
		return nil
	case a.OAuth.Grant == config.GrantClientCredentials:
		source = oauth.NewClientCredentialsSource(a.Name, oauthClient(a))
	default:
		source = oauth.NewStoredSource(a.Name, oauthClient(a), tokenStore(c, a))
	}
	return source.Token
}

// tokenStore is where the account's sign-in is kept.
func tokenStore(c *config.Config, a config.Account) *oauth.Store {
	return oauth.NewStore(c.State+".tokens", a.Name)
}

// oauthClient is the account's registration with an authorization server.
func oauthClient(a config.Account) *oauth.Client {
	client := &oauth.Client{
		ID:       a.OAuth.ClientID,
		TokenURL: a.OAuth.TokenURL, AuthURL: a.OAuth.AuthURL, DeviceURL: a.OAuth.DeviceURL,
		Scopes:       strings.Fields(a.OAuth.Scopes),
		AuthParams:   a.OAuth.AuthParams(),
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

package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

// ServiceAccount is a Google service account that may act for the users of a Workspace domain
// (RFC 7523).
type ServiceAccount struct {
	// Key returns the key file, JSON as Google makes it, for each request.
	Key func(ctx context.Context) (string, error)
	// Subject is the user that the service account acts for, the owner of the mailbox.
	Subject string
	// TokenURL is the token endpoint; "" is the one that the key file names.
	TokenURL string
	Scopes   []string
	HTTP     *http.Client
}

// serviceKey is what matters of a key file.
type serviceKey struct {
	Type         string `json:"type"`
	ClientEmail  string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`
	TokenURI     string `json:"token_uri"`
}

// parseServiceKey reads a key file. Its error quotes nothing of it.
func parseServiceKey(text string) (serviceKey, error) {
	var k serviceKey
	if json.Unmarshal([]byte(text), &k) != nil {
		return k, errors.New("it is not JSON as Google makes it")
	}
	if block, _ := pem.Decode([]byte(k.PrivateKey)); k.Type != "service_account" || k.ClientEmail == "" || block == nil {
		return k, errors.New("it is not the key of a service account")
	}
	if u, err := url.Parse(k.TokenURI); err != nil || u.Scheme != "https" {
		return k, errors.New("its token_uri is no https address")
	}
	return k, nil
}

// NewServiceAccountSource returns a source of tokens for the subject of a. It gets them by a
// request that the key signs (RFC 7523 section 2.1), and keeps them in memory only.
func NewServiceAccountSource(a *ServiceAccount) *Source {
	return newSource(func(ctx context.Context, _ string) (Token, error) {
		text, err := a.Key(ctx)
		if err != nil {
			return Token{}, fmt.Errorf("read the service account's key: %w", err)
		}
		k, err := parseServiceKey(text)
		if err != nil {
			return Token{}, fmt.Errorf("read the service account's key: %w", err)
		}
		c := &Client{TokenURL: cmp.Or(a.TokenURL, k.TokenURI), HTTP: a.HTTP}
		return c.ask(ctx, func(ctx context.Context, _ *oauth2.Config) (*oauth2.Token, error) {
			signed := &jwt.Config{
				Email: k.ClientEmail, PrivateKey: []byte(k.PrivateKey), PrivateKeyID: k.PrivateKeyID,
				Subject: a.Subject, Scopes: a.Scopes, TokenURL: c.TokenURL, Audience: k.TokenURI,
			}
			return signed.TokenSource(ctx).Token()
		})
	})
}

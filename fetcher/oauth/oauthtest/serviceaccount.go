package oauthtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The service account of [Server.ServiceKey], and the audience that its requests must name.
const (
	ServiceAccount  = "attachd@project.iam.test"
	ServiceAudience = "https://login.test/token"
)

// ServiceKey makes a key for the service account, in the form of Google's key files. From then
// on the server gives tokens for requests that the key signs.
func (s *Server) ServiceKey() (file string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.serviceKey = &key.PublicKey
	s.mu.Unlock()
	text, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "client_email": ServiceAccount, "private_key_id": "k1", "token_uri": ServiceAudience,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}, "", "  ")
	return string(text), err
}

// serviceToken is RFC 7523 section 2.1 for the user that the server's tokens are for.
func (s *Server) serviceToken(w http.ResponseWriter, f url.Values) {
	if err := s.checkAssertion(f.Get("assertion")); err != nil {
		Refuse(w, http.StatusBadRequest, "invalid_grant", err.Error())
		return
	}
	s.give(w, f, "")
}

func (s *Server) checkAssertion(assertion string) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || s.serviceKey == nil {
		return errors.New("no assertion, or no key")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(s.serviceKey, crypto.SHA256, sum[:], signature); err != nil {
		return fmt.Errorf("signature of %s: %w", assertion, err)
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Scope    string `json:"scope"`
		Expires  int64  `json:"exp"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	if claims.Issuer != ServiceAccount || claims.Subject != s.Username || claims.Audience != ServiceAudience || claims.Scope == "" || claims.Expires <= time.Now().Unix() {
		return fmt.Errorf("claims %s", payload)
	}
	return nil
}

package oauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/oauth/oauthtest"
)

// A client gets a token of its own and presents it to a mail server.
func Example() {
	server := &oauthtest.Server{ClientID: "attachd", ClientSecret: "hunter2"}
	client := &oauth.Client{
		ID:       "attachd",
		Secret:   func(context.Context) (string, error) { return "hunter2", nil },
		TokenURL: server.TokenURL(),
		Scopes:   []string{"https://mail.example/.default"},
		HTTP:     &http.Client{Transport: server},
	}
	token, err := oauth.NewClientCredentialsSource(client).Token(context.Background(), "")
	if err != nil {
		log.Fatal(err)
	}
	// Client.Auth of package pop3 takes this.
	login := oauth.NewXOAuth2("hans@mail.example", token)
	mechanism, response, err := login.Start()
	fmt.Println(mechanism, len(response) > len(token), err)

	// The server does not know this client, and repeats the secret in its complaint.
	unknown := &oauth.Client{ID: "somebody", Secret: client.Secret, TokenURL: client.TokenURL, HTTP: client.HTTP}
	_, err = oauth.NewClientCredentialsSource(unknown).Token(context.Background(), "")
	fmt.Println(err)
	// Output:
	// XOAUTH2 true <nil>
	// get an access token: http://login.test/token said: invalid_client: the client somebody with <secret> is not known
}

// A command may write a token with its lifetime, as JSON.
func ExampleNewCommandSource() {
	runs := 0
	source := oauth.NewCommandSource(func(context.Context) (string, error) {
		runs++
		return `{"access_token": "abc", "expires_in": 3600}`, nil
	}, 0)
	for range 2 {
		token, err := source.Token(context.Background(), "")
		fmt.Println(token, err)
	}
	fmt.Println(runs, "run")
	// Output:
	// abc <nil>
	// abc <nil>
	// 1 run
}

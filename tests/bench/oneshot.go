// SPDX-License-Identifier: Apache-2.0

// What the program of a user of openai-go does when all it wants is one token: read the file, exchange, print.
// The endpoint is a constant there, so the request is turned to the testbed as it leaves.
//
//go:build ignore

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/openai/openai-go/v3/auth"
)

type redirected struct{ to *url.URL }

func (r redirected) Do(request *http.Request) (*http.Response, error) {
	request.URL = r.to
	request.Host = r.to.Host
	return http.DefaultClient.Do(request)
}

func run() error {
	to, err := url.Parse(os.Getenv("TOKEN_URL"))
	if err != nil {
		return err
	}
	identity, err := auth.NewWorkloadIdentityAuth(auth.WorkloadIdentity{
		IdentityProviderID: os.Getenv("OPENAI_IDENTITY_PROVIDER_ID"),
		ServiceAccountID:   os.Getenv("OPENAI_SERVICE_ACCOUNT_ID"),
		Provider:           auth.K8sServiceAccountTokenProvider(os.Getenv("OPENAI_IDENTITY_TOKEN_FILE")),
	})
	if err != nil {
		return err
	}
	token, err := identity.GetToken(context.Background(), redirected{to})
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

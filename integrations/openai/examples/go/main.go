// SPDX-License-Identifier: Apache-2.0

// OpenAI's SDK with a key out of wif, asked for before each request:
//
//	client := openai.NewClient(wif("prod")...) // a profile; wif("") is the default one
//
// This program answers each line of its standard input.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// What went wrong is in the error's message, in wif's words.
func run(ctx context.Context, words ...string) (string, error) {
	var said strings.Builder
	command := exec.CommandContext(ctx, "wif", words...)
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("wif %s: %w: %s", words[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

func wif(profile string) []option.RequestOption {
	words := []string{"token"}
	if profile != "" {
		words = append(words, "-p", profile)
	}
	send := func(request *http.Request, next option.MiddlewareNext) (*http.Response, string, error) {
		token, err := run(request.Context(), words...)
		if err != nil {
			return nil, "", err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := next(request)
		return response, token, err
	}
	return []option.RequestOption{
		option.WithAPIKey("wif's"), // in place of which goes
		option.WithMiddleware(func(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			response, refused, err := send(request, next)
			if err != nil || response.StatusCode != http.StatusUnauthorized || (request.Body != nil && request.GetBody == nil) {
				return response, err
			}
			// A credential that the API refused before its time is forgotten, and the request sent again, once, with another.
			response.Body.Close()
			hash := sha256.Sum256([]byte(refused))
			if _, err := run(request.Context(), "cache", "clear", "--token-sha256", hex.EncodeToString(hash[:])); err != nil {
				return nil, err
			}
			again := request.Clone(request.Context())
			if request.GetBody != nil {
				if again.Body, err = request.GetBody(); err != nil {
					return nil, err
				}
			}
			response, _, err = send(again, next)
			return response, err
		}),
	}
}

func answer(client openai.Client, question string) error {
	events := client.Responses.NewStreaming(context.Background(), responses.ResponseNewParams{
		Model: "gpt-5",
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)},
	})
	defer events.Close()
	for events.Next() {
		if event := events.Current(); event.Type == "response.output_text.delta" {
			fmt.Print(event.Delta)
		}
	}
	fmt.Println()
	return events.Err()
}

func main() {
	client := openai.NewClient(wif("")...)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := answer(client, lines.Text()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

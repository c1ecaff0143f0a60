// SPDX-License-Identifier: Apache-2.0
// One request with Go's own client, authorised by libwif (cgo); a 401 is reported, and tried once more with a new credential.
//
//	go run get.go https://api.openai.com/v1/models
package main

/*
#cgo pkg-config: wif
#include <stdlib.h>
#include "wif/wif.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
	"unsafe"
)

// Credential is a copy in Go's memory, which can't be wiped: keep it no longer than a request takes.
type Credential struct {
	AccessToken string
	ExpiresAt   time.Time
	hash        [C.WIF_TOKEN_HASH_SIZE]C.char
}

// Error has libwif's status, which is one of wif's exit codes.
type Error struct {
	Status        int
	Message, Hint string
}

func (e *Error) Error() string { return e.Message + "\n" + e.Hint }

// Get blocks a thread of its own while an exchange is made, and the goroutine; no other. An empty profile is the default.
func Get(profile string) (*Credential, error) {
	options, failure := C.wif_options_new(), C.wif_error_new()
	defer C.wif_options_free(options)
	defer C.wif_error_free(failure)
	if profile != "" {
		name := C.CString(profile)
		defer C.free(unsafe.Pointer(name))
		C.wif_options_set_profile(options, name)
	}
	var found *C.wif_credential
	if status := C.wif_get(options, &found, failure); status != C.WIF_OK {
		return nil, &Error{int(status), C.GoString(C.wif_error_message(failure)), C.GoString(C.wif_error_hint(failure))}
	}
	defer C.wif_credential_free(found)
	token := C.wif_credential_access_token(found)
	if token == nil {
		return nil, errors.New("the credential is a pair of AWS keys, not one token")
	}
	credential := &Credential{AccessToken: C.GoString(token), ExpiresAt: time.Unix(int64(C.wif_credential_expires_at(found)), 0)}
	C.wif_credential_token_sha256(found, &credential.hash[0])
	return credential, nil
}

// Reject says that the token was refused before it expired: the next Get exchanges.
func (c *Credential) Reject() { C.wif_reject(&c.hash[0], 5000, nil, nil) }

func request(url string) (*http.Response, error) {
	for try := 0; ; try++ {
		credential, err := Get("")
		if err != nil {
			return nil, err
		}
		ask, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		ask.Header.Set("Authorization", "Bearer "+credential.AccessToken)
		answer, err := http.DefaultClient.Do(ask)
		if err != nil || answer.StatusCode != http.StatusUnauthorized || try > 0 {
			return answer, err
		}
		answer.Body.Close()
		credential.Reject()
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: get URL")
	}
	answer, err := request(os.Args[1])
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

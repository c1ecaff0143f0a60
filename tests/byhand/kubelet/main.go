// SPDX-License-Identifier: Apache-2.0

// The kubelet's own code around image credential providers: `kubelet CONFIG BIN-DIR TOKENS`, where TOKENS is a folder with a token for each
// service account. Each line of standard input is an image, or a service account's name, a space and an image; each answered by
// a line of JSON, what the image would be pulled with.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"
)

func main() {
	token := func(_, name string, _ *authentication.TokenRequest) (*authentication.TokenRequest, error) {
		text, err := os.ReadFile(filepath.Join(os.Args[3], name))
		return &authentication.TokenRequest{Status: authentication.TokenRequestStatus{Token: string(text)}}, err
	}
	account := func(namespace, name string) (*core.ServiceAccount, error) {
		return &core.ServiceAccount{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + name)}}, nil
	}
	if err := plugin.RegisterCredentialProviderPlugins(os.Args[1], os.Args[2], token, account); err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name, image, found := strings.Cut(lines.Text(), " ")
		if !found {
			name, image = "", name
		}
		keyring := plugin.NewExternalCredentialProviderDockerKeyring("default", "pod", "uid", name)
		configs, _ := keyring.Lookup(image)
		answer := [][2]string{}
		for _, config := range configs {
			answer = append(answer, [2]string{config.Username, config.Password})
		}
		_ = json.NewEncoder(os.Stdout).Encode(answer)
	}
}

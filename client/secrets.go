package client

import (
	"errors"
	"net/url"
	"strings"
)

// hidden is what stands for a secret that a service has repeated: in a header,
// a link, a redirect or an error's text.
const hidden = "[secret]"

// conceal hides secrets in an error, also where they are escaped as in a URL. It
// gives other errors, and nil, as they are.
func conceal(err error, secrets ...string) error {
	failure := asError(err)
	if failure == nil {
		return err
	}
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, hidden, url.QueryEscape(secret), hidden, url.PathEscape(secret), hidden)
		}
	}
	hide := strings.NewReplacer(pairs...)
	clean := *failure
	clean.URL, clean.RequestID = hide.Replace(failure.URL), hide.Replace(failure.RequestID)
	if text := failure.Err.Error(); hide.Replace(text) != text {
		clean.Err = errors.New(hide.Replace(text))
	}
	return &clean
}

// secrets lists what Keystone is sent and must not show. A word of auth_url is
// none: to hide it there would tell what it is.
func (c *Cloud) secrets() []string {
	var secrets []string
	for _, secret := range []string{c.auth.Password, c.auth.ApplicationCredentialSecret, c.auth.TokenID, c.auth.Passcode} {
		if !strings.Contains(c.authURL.String(), secret) {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// withoutPart cuts off the beginning of a secret where a text ends within it.
func withoutPart(text, secret string) string {
	for n := min(len(secret)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, secret[:n]) {
			return text[:len(text)-n]
		}
	}
	return text
}

package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// retryable tells whether asking again may help.
func (e *Error) retryable() bool {
	if e.Final {
		return false
	}
	for _, info := range Reasons {
		if info.Name == e.Reason {
			return info.Retry
		}
	}
	return false
}

// errCancelled is a read that was given up because nobody waits for it any
// more. It is no failure of the service and has no reason.
var errCancelled = errors.New("the read was cancelled")

// interrupted tells why ctx ended: its time was over, or nobody waits any more.
// request is what was under way.
func interrupted(ctx context.Context, request *Error) error {
	if !outOfTime(ctx) {
		return fmt.Errorf("%w: %w", errCancelled, context.Cause(ctx))
	}
	timeout := *request
	timeout.Reason, timeout.Final = ReasonTimeout, true
	timeout.Err = errors.New("the time for the read is over")
	return &timeout
}

// outOfTime tells whether the deadline of ctx has passed, also where the
// network noticed that first. The cause decides, never an error's Timeout():
// a dialer's own time-out is a connection that failed, not a read out of time.
func outOfTime(ctx context.Context) bool {
	if ctx.Err() != nil {
		return errors.Is(context.Cause(ctx), context.DeadlineExceeded)
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

// transportFailure names why no answer came, or why its body broke off.
// request tells the operation, URL and what else is known of the exchange.
func transportFailure(ctx context.Context, request Error, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the URL is told by request, without credentials
	}
	request.Err = err
	if ctx.Err() != nil || outOfTime(ctx) {
		return interrupted(ctx, &request)
	}
	request.Reason = ReasonConnection
	request.Final = misled(err) || isTLS(err)
	if errors.Is(err, errTooLarge) || strings.Contains(err.Error(), "response headers exceeded") {
		request.Reason, request.Final = ReasonTooLarge, true
	}
	return &request
}

// misled tells whether an answer was a redirect that is not followed.
func misled(err error) bool {
	return errors.Is(err, errForeign) || errors.Is(err, errRedirects) || errors.Is(err, errQueryLost)
}

// isTLS tells whether a connection failed over TLS, most often a certificate,
// ours or theirs: that does not mend itself within a scrape.
func isTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		remote       *net.OpError
	)
	if errors.As(err, &remote) && remote.Op == "remote error" { // an alert of theirs, such as over our certificate
		return true
	}
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &record) || errors.As(err, &alert)
}

// statusReason names what a status of the image service other than 200 means.
// Keystone's differs in 401 and 403, which are a refused login there.
func statusReason(op Operation, status int) Reason {
	switch {
	case status == http.StatusUnauthorized, op == OpAuth && status == http.StatusForbidden:
		return ReasonAuth
	case status == http.StatusForbidden:
		return ReasonForbidden
	// Glance answers 300 with its versions for any path that it does not serve.
	case status == http.StatusMultipleChoices, status == http.StatusNotFound, status == http.StatusGone:
		return ReasonNotFound
	case status == http.StatusTooManyRequests:
		return ReasonRateLimited
	case status >= 500:
		return ReasonServerError
	case status >= 400:
		return ReasonBadRequest
	default:
		return ReasonDecode // a 2xx or 3xx without the list
	}
}

// retryableStatus lists the statuses that may pass by themselves.
var retryableStatus = map[int]bool{
	http.StatusTooManyRequests:     true,
	http.StatusInternalServerError: true,
	http.StatusBadGateway:          true,
	http.StatusServiceUnavailable:  true,
	http.StatusGatewayTimeout:      true,
}

// statusFailure names why an answer is not the one that was asked for.
func statusFailure(request Error, header http.Header, excerpt string) *Error {
	request.Reason = statusReason(request.Op, request.Status)
	request.Final = !retryableStatus[request.Status]
	request.retryAfter = retryAfter(header, time.Now())
	text := "the answer is " + statusText(request.Status)
	if excerpt != "" {
		text += ": " + excerpt
	}
	request.Err = errors.New(text)
	return &request
}

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

const (
	excerptRead = 4 << 10
	excerptShow = 200
)

var (
	markup   = regexp.MustCompile(`<[^<>]*>`)
	userinfo = regexp.MustCompile(`://[^/\s"']*@`) // user and password in a URL
)

// excerpt gives the beginning of an error's body in one line of plain text.
// Such a body is JSON, HTML, text or empty; it may also be anything else, so it
// is read for a second at most, and what could be a secret in it is hidden.
// Reading on after a second ends when stop cancels the request.
func excerpt(body io.Reader, secrets []string, stop context.CancelFunc) string {
	timer := time.AfterFunc(time.Second, stop)
	defer timer.Stop()
	raw, err := io.ReadAll(io.LimitReader(body, excerptRead)) // what came before an error is all there is to show
	text := strings.ToValidUTF8(string(raw), "")
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, hidden)
		}
		if err != nil || len(raw) == excerptRead {
			text = withoutPart(text, secret)
		}
	}
	text = userinfo.ReplaceAllString(text, "://")
	text = markup.ReplaceAllString(text, " ")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ReplaceAll(text, `\n`, " "))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > excerptShow {
		text = strings.ToValidUTF8(text[:excerptShow], "") + "..."
	}
	return text
}

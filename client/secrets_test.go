package client

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// Keystone may repeat the password anywhere: it gets into no error.
func TestErrorsHideThePassword(t *testing.T) {
	for name, fault := range map[string]simcloud.Fault{
		"a header":   {Status: 400},
		"a redirect": {Kind: simcloud.Redirect, Status: 307, Location: "http://elsewhere.test/adminpw"},
		"a host":     {Kind: simcloud.Redirect, Status: 307, Location: "http://adminpw.test/"},
		"a path":     {Kind: simcloud.Redirect, Status: 307, Location: "/adminpw"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, settings{cloud: simcloud.Options{Images: 5}})
			fault.Operation, fault.Header = "auth", http.Header{"X-Openstack-Request-Id": {"req-adminpw"}}
			w.Inject(fault)
			_, _, err := w.list(t)
			failure := asError(err)
			if failure == nil {
				t.Fatalf("%s: the read succeeded", name)
			}
			if text := failure.Error() + failure.RequestID; strings.Contains(text, "adminpw") {
				t.Errorf("%s: the password is in %s", name, text)
			}
		})
	}
}

// A token that was renewed under way is a secret as well.
func TestErrorsHideEveryTokenOfARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{cloud: simcloud.Options{Images: 5}})
		w.mustMatch(t, "admin")
		first := w.Requests("list")[0].Token
		w.Inject(simcloud.Fault{
			Operation: "list", Status: http.StatusUnauthorized, Body: "you sent " + first,
			Header: http.Header{"X-Openstack-Request-Id": {first}},
		})
		failure, _ := w.mustFail(t, ReasonAuth)
		if text := failure.Error() + failure.RequestID; strings.Contains(text, first) || !strings.Contains(text, "you sent [secret]") {
			t.Errorf("got %s", text)
		}
	})
}

// To hide a word of our own URLs would tell that it is the password.
func TestPasswordThatIsAWordOfTheURLIsNotHidden(t *testing.T) {
	cloud, err := Environment{
		"OS_AUTH_URL": "http://demo.test/v3", "OS_USERNAME": "u", "OS_PASSWORD": "demo", "OS_PROJECT_NAME": "p",
	}.Cloud()
	if err != nil {
		t.Fatal(err)
	}
	before := &Error{Reason: ReasonConnection, URL: "http://demo.test/v3", Err: errRedirects}
	if after := conceal(before, cloud.secrets()...); after.Error() != before.Error() {
		t.Errorf("%v became %v", before, after)
	}
}

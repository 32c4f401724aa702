package simcloud

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

var demo = Options{Seed: 1, Images: 2000, Lived: true, Service: Service{Stores: true}}

// live lets a cloud live for a span of its life, of which a second is one of
// the bubble's.
func live(c *Cloud, span time.Duration) {
	for range int(span / pulse) {
		time.Sleep(pulse)
		c.Step()
	}
}

// byStatus counts the images by status, of those that pass.
func byStatus(c *Cloud, pass func(*Image) bool) map[string]int {
	counts := map[string]int{}
	for _, img := range c.Images() {
		if pass(&img) {
			counts[img.Status]++
		}
	}
	return counts
}

// Whoever looks at a demo sees from the start what a cloud's past has left.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(demo)
		if n := len(c.Images()); n != demo.Images {
			t.Errorf("there are %d images, want %d", n, demo.Images)
		}
		stuck := byStatus(c, func(img *Image) bool { return time.Since(img.Updated) > time.Hour && time.Since(img.Updated) < 6*day })
		for _, status := range []string{"queued", "saving", "importing", "uploading"} {
			if stuck[status] == 0 {
				t.Errorf("no image is %s for hours", status)
			}
		}
		recent := byStatus(c, func(img *Image) bool { return time.Since(img.Updated) < time.Hour })
		if recent["saving"] == 0 {
			t.Error("no image is saving since less than an hour")
		}
		for key, condition := range c.TruthOf("admin", V2, func(*Image) bool { return true }).Conditions {
			if time.Since(condition.OldestUpdate) > 6*day && key.Status != "active" && key.Status != "deactivated" {
				t.Errorf("since %s an image is %s", condition.OldestUpdate, key.Status)
			}
			if key.Status == "active" && (condition.WithoutChecksum == 0 || condition.Unprotected == 0) {
				t.Errorf("of active images, public %s, none lacks a checksum or protection: %+v", key.Public, condition)
			}
			if key == (StatusKey{"active", "false"}) && (condition.WithoutSize == 0 || condition.FailedImport == 0) {
				t.Errorf("of active images none lacks its size, or the data in one of its stores: %+v", condition)
			}
		}
	})
}

// The demo's cloud changes visibly within ten minutes, at night too.
func TestTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock begins at midnight
		c := New(demo)
		began, seen := time.Now(), map[string]bool{}
		for range 120 {
			live(c, 5*time.Second)
			for status := range byStatus(c, func(img *Image) bool { return img.Created.After(began) }) {
				seen[status] = true
			}
		}
		for _, status := range []string{"queued", "saving", "uploading", "importing", "active"} {
			if !seen[status] {
				t.Errorf("within ten minutes no new image is %s", status)
			}
		}
	})
}

// It neither fills up nor empties: a day has its rhythm, and what got stuck is
// cleaned up at night.
func TestDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		small := demo
		small.Images = 1000
		c := New(small)
		began := time.Now()
		count := func() int { return len(c.Images()) }
		live(c, 4*time.Hour)
		morning := count()
		live(c, 22*time.Hour)
		evening := count()
		live(c, 2*time.Hour)
		cleaned := count()
		if evening < morning*104/100 || cleaned > evening*97/100 || cleaned < morning*98/100 {
			t.Errorf("there are %d images at 4, %d at 2 in the next night and %d two hours later", morning, evening, cleaned)
		}
		live(c, day)
		if now := count(); now < morning*98/100 || now > morning*104/100 {
			t.Errorf("after a day more %d images have become %d", morning, now)
		}
		if len(c.images) > small.Images*3/2 {
			t.Errorf("%d images are remembered", len(c.images))
		}
		stuck := byStatus(c, func(img *Image) bool { return time.Since(img.Updated) > time.Hour })
		for status, n := range stuck {
			if status != "active" && status != "deactivated" && status != "queued" && (n < 1 || n > 20) {
				t.Errorf("%d images are %s for over an hour", n, status)
			}
		}
		if made := byStatus(c, func(img *Image) bool { return img.Created.After(began) }); made["deactivated"] == 0 {
			t.Error("no image is deactivated any more")
		}
	})
}

// The same seed and the same steps make the same images.
func TestLifeOfASeed(t *testing.T) {
	lives := make([][]Image, 2)
	for i := range lives {
		synctest.Test(t, func(*testing.T) {
			c := New(demo)
			live(c, time.Hour)
			lives[i] = c.Images()
		})
	}
	if !reflect.DeepEqual(lives[0], lives[1]) {
		t.Error("two lives of one seed differ")
	}
}

func TestSpeed(t *testing.T) {
	for _, speed := range []int{0, 1, 7, 60, MaxSpeed} {
		synctest.Test(t, func(t *testing.T) {
			c := New(demo)
			ctx, end := context.WithTimeout(t.Context(), 20*time.Second+pulse/2)
			defer end()
			c.Live(ctx, Pace{Speed: speed})
			want := 20 * time.Second * time.Duration(max(speed, 1))
			if c.lived < want || c.lived > want+time.Duration(max(speed, 1))*pulse {
				t.Errorf("at speed %d it has lived %s, want %s", speed, c.lived, want)
			}
		})
	}
}

// The service fails within ten minutes, yet not at once and not for long.
func TestMoments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(demo)
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go c.Live(ctx, Pace{Failing: true})
		began := time.Now()
		answers, first, slow, wrong := 0, time.Duration(0), 0, 0
		seen := map[int]bool{}
		for time.Since(began) < 3*time.Hour {
			time.Sleep(5 * time.Second)
			asked := time.Now()
			status := answer(t, c, c.Token("admin"))
			answers++
			seen[status] = true
			if status != http.StatusOK {
				wrong++
			}
			if time.Since(asked) > time.Second {
				slow++
			}
			if (status != http.StatusOK || slow > 0) && first == 0 {
				first = time.Since(began)
			}
		}
		if first < time.Minute || first > 10*time.Minute {
			t.Errorf("it fails first after %s", first)
		}
		if wrong+slow > answers/20 {
			t.Errorf("%d of %d answers are wrong and %d slow", wrong, answers, slow)
		}
		if !seen[503] || !seen[429] || !seen[0] || slow == 0 {
			t.Errorf("statuses are %v, %d answers slow", seen, slow)
		}
	})
}

// answer is the status of an answer to a request for the list; 0 where the
// connection was reset.
func answer(t *testing.T, c *Cloud, token string) (status int) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler { //nolint:errorlint // that very value
			panic(r)
		}
	}()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/images?limit=1", http.NoBody)
	req.Header.Set("X-Auth-Token", token)
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, req)
	return w.Code
}

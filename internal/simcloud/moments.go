package simcloud

import (
	"net/http"
	"time"
)

// A moment is a while in which the image service fails, of its life.
type moment struct {
	pause time.Duration // before it
	lasts time.Duration
	fault Fault
}

// moments come one after the other, and then again. The first ones come within
// ten minutes, so that who looks at a demo sees some.
var moments = []moment{
	{150 * time.Second, 30 * time.Second, Fault{Status: http.StatusServiceUnavailable, Times: 2}}, // ridden out
	{150 * time.Second, 45 * time.Second, Fault{Status: http.StatusServiceUnavailable}},
	{120 * time.Second, 40 * time.Second, Fault{Kind: Delay, Delay: 3 * time.Second}},
	{usualPause, 30 * time.Second, Fault{Status: http.StatusTooManyRequests}},
	{usualPause, 20 * time.Second, Fault{Kind: Reset}},
}

// usualPause is the time between two moments, once the cloud was seen to fail.
const usualPause = 25 * time.Minute

// However fast a cloud lives, a moment is long enough to be seen, and what comes
// before it is much longer, in our time.
const (
	shortestMoment = 3 * time.Second
	shortestPause  = 8 * time.Second
)

// failing is where a cloud is among its moments.
type failing struct {
	cloud *Cloud
	speed int
	n     int       // moments that are over
	begun bool      // the moment has begun
	turn  time.Time // when the pause or the moment began
}

// goOn begins or ends a moment, if it is time for that.
func (f *failing) goOn(now time.Time) {
	next := &moments[f.n%len(moments)]
	ours := func(span, least time.Duration) time.Duration { return max(span/time.Duration(f.speed), least) }
	pause := next.pause
	if f.n >= len(moments) {
		pause = usualPause
	}
	switch {
	case f.begun && now.Sub(f.turn) >= ours(next.lasts, shortestMoment):
		f.cloud.setMoment(nil)
		f.n++
	case !f.begun && now.Sub(f.turn) >= ours(pause, shortestPause):
		f.cloud.setMoment(newFault(next.fault))
	default:
		return
	}
	f.begun, f.turn = !f.begun, now
}

func (c *Cloud) setMoment(f *fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moment = f
}

package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// timeoutHeader is where Prometheus announces, in seconds, how long it waits
// for the answer to a scrape.
const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// errBudget is the cause for which a scrape's context ends when its time is
// over, as opposed to a scraper that hung up.
var errBudget = fmt.Errorf("the scrape's time is over: %w", context.DeadlineExceeded)

// budget gives the time that a scrape has for reading the inventory: what
// Prometheus announces less the offset, of which at most half is given away,
// so that a short timeout leaves something to work with. Where it announces
// nothing finite and positive, the time is fallback. It is never 0.
func budget(header http.Header, fallback, offset time.Duration) time.Duration {
	announced, err := strconv.ParseFloat(header.Get(timeoutHeader), 64)
	if err != nil || math.IsNaN(announced) || math.IsInf(announced, 0) || announced <= 0 {
		return fallback
	}
	total := maxTimeout * 2 // beyond any use, and far from overflowing
	if announced < total.Seconds() {
		total = max(time.Duration(announced*float64(time.Second)), 1)
	}
	return min(total-min(offset, total/2), maxTimeout)
}

package client

import (
	"slices"
	"strconv"
	"testing"
)

func pageOf(from, to int) *tail {
	page := newTail()
	for i := from; i < to; i++ {
		page.push([]byte(strconv.Itoa(i)))
	}
	return &page
}

func TestTrailThinsOutTowardsTheBeginning(t *testing.T) {
	var way trail
	way.extend(pageOf(0, 100))
	want := []string{"35", "67", "83", "91", "95", "97", "98", "99"}
	if !slices.Equal(way.ids, want) {
		t.Errorf("got %v, want %v", way.ids, want)
	}
	way.extend(pageOf(100, 101))
	if way.last() != "100" {
		t.Errorf("the marker is %s", way.last())
	}
	way.retreat()
	if way.last() != "99" {
		t.Errorf("one step back is %s", way.last())
	}
}

func TestTrailIsBounded(t *testing.T) {
	var way trail
	for n := range 1000 {
		way.extend(pageOf(n*2000, (n+1)*2000))
	}
	if len(way.ids) != trailLength || way.last() != "1999999" {
		t.Errorf("%d ids, the last is %s", len(way.ids), way.last())
	}
}

func TestTailKeepsTheLastIDs(t *testing.T) {
	page := pageOf(0, 5000)
	if page.back(0) != "4999" || page.back(tailLength-1) != "4488" || page.back(tailLength) != "" {
		t.Errorf("got %q, %q and %q", page.back(0), page.back(tailLength-1), page.back(tailLength))
	}
	page.reset()
	if page.back(0) != "" {
		t.Error("a page that begins has ids")
	}
}

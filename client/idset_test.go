package client

import (
	"hash/maphash"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestIDSet(t *testing.T) {
	seed := maphash.MakeSeed()
	var counted, paged idSet
	model := map[uint64]bool{}
	for n := range 50 {
		paged.clear()
		for range rand.IntN(2000) {
			hash := hashID(seed, strconv.AppendInt(nil, rand.Int64N(40_000), 10))
			fresh := !counted.has(hash) && paged.add(hash)
			if fresh == model[hash] {
				t.Fatalf("page %d: the set says %t of an id, the model %t", n, !fresh, model[hash])
			}
			model[hash] = true
		}
		counted.merge(&paged)
		if counted.len != len(model) || paged.len != 0 {
			t.Fatalf("page %d: the set has %d ids and %d waiting, the model has %d", n, counted.len, paged.len, len(model))
		}
	}
	for hash := range model {
		if !counted.has(hash) {
			t.Fatal("an id is lost")
		}
	}
	counted.clear()
	if counted.len != 0 || counted.has(hashID(seed, []byte("1"))) {
		t.Error("a set that was emptied still holds something")
	}
}

// What an id costs is promised to be 20 bytes at most.
func TestIDSetIsSmall(t *testing.T) {
	seed := maphash.MakeSeed()
	for _, ids := range []int{10_000, 28_000, 57_000, 100_000, 300_000} {
		var set idSet
		for i := range ids {
			set.add(hashID(seed, strconv.AppendInt(nil, int64(i), 10)))
		}
		slots := 0
		for i := range set.shards {
			slots += len(set.shards[i].slots)
		}
		if each := float64(8*slots) / float64(ids); each > 20 {
			t.Errorf("%d ids take %.1f bytes each", ids, each)
		}
	}
}

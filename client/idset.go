package client

import "hash/maphash"

// An idSet remembers which image ids a read has met, as 64-bit hashes: 9 to 19
// bytes for each id, whatever its length. The seed is drawn anew for every
// read, so no service can choose ids that collide; by chance two of 100,000
// ids do so once in four billion reads.
//
// The hashes stand in open-addressed tables that double when seven eighths
// full. There are many small ones rather than one, so that doubling copies a
// small part of the set at a time and never holds all of it twice.
type idSet struct {
	shards [idShards]idShard
	len    int
}

type idShard struct {
	slots []uint64 // 0 marks a free slot; the length is a power of two
	used  int
}

const (
	idShards    = 64
	minIDSlots  = 8
	freeSlot    = 0
	loadNum     = 7
	loadDen     = 8
	shardOfHash = 64 - 6 // the top bits choose the shard, the low ones the slot
)

// hashID is the hash of an image id, never the one that marks a free slot.
func hashID(seed maphash.Seed, id []byte) uint64 {
	return max(maphash.Bytes(seed, id), freeSlot+1)
}

// add puts a hash into the set and tells whether it was new there.
func (s *idSet) add(hash uint64) bool {
	shard := &s.shards[hash>>shardOfHash]
	if shard.used*loadDen >= len(shard.slots)*loadNum {
		shard.grow()
	}
	if !shard.insert(hash) {
		return false
	}
	s.len++
	return true
}

// has tells whether the hash is in the set.
func (s *idSet) has(hash uint64) bool {
	shard := &s.shards[hash>>shardOfHash]
	if len(shard.slots) == 0 {
		return false
	}
	return shard.slots[shard.find(hash)] == hash
}

// merge adds all of other, which is left empty. Where the set is empty, as
// after the first page, it takes over other's memory instead of copying.
func (s *idSet) merge(other *idSet) {
	if s.len == 0 {
		*s, *other = *other, *s
		return
	}
	for i := range other.shards {
		for _, hash := range other.shards[i].slots {
			if hash != freeSlot {
				s.add(hash)
			}
		}
	}
	other.clear()
}

// clear empties the set and keeps its memory for the next page.
func (s *idSet) clear() {
	if s.len == 0 {
		return
	}
	for i := range s.shards {
		clear(s.shards[i].slots)
		s.shards[i].used = 0
	}
	s.len = 0
}

// find gives the slot that holds the hash or, where it is not there, the free
// one that it belongs into.
func (s *idShard) find(hash uint64) int {
	mask := len(s.slots) - 1
	i := int(hash) & mask
	for s.slots[i] != freeSlot && s.slots[i] != hash {
		i = (i + 1) & mask
	}
	return i
}

func (s *idShard) insert(hash uint64) bool {
	i := s.find(hash)
	if s.slots[i] == hash {
		return false
	}
	s.slots[i] = hash
	s.used++
	return true
}

func (s *idShard) grow() {
	old := s.slots
	s.slots = make([]uint64, max(minIDSlots, 2*len(old)))
	s.used = 0
	for _, hash := range old {
		if hash != freeSlot {
			s.insert(hash)
		}
	}
}

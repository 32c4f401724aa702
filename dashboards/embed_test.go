package dashboards

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What is part of the program is what stands in the repository, all of it.
func TestFilesAreThoseOfTheRepository(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	var offered, there []string
	for _, f := range files {
		offered = append(offered, f.Name)
		if f.Title == "" {
			t.Errorf("%s has no title", f.Name)
		}
	}
	for _, pattern := range []string{"*.json", "rules/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			there = append(there, filepath.Base(path))
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if i := slices.Index(offered, filepath.Base(path)); i >= 0 && !bytes.Equal(files[i].Content, content) {
				t.Errorf("%s is not the file of the repository", path)
			}
		}
	}
	slices.Sort(offered)
	slices.Sort(there)
	if !slices.Equal(offered, there) {
		t.Errorf("offered are %q, the repository has %q", offered, there)
	}
}

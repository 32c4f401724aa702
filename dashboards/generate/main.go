// Generate writes the Grafana dashboards into a directory. "make dashboards"
// runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// files gives the dashboards by the names of their files.
func files() map[string]*dashboard {
	return map[string]*dashboard{
		"image-inventory.json": imageInventory(),
		"exporter-health.json": exporterHealth(),
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate DIRECTORY")
		os.Exit(1)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes all files into the directory.
func write(directory string) error {
	for name, d := range files() {
		text, err := encode(d)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o644); err != nil { //nolint:gosec // everybody may read them
			return err
		}
	}
	return nil
}

// Command registry is the distribution registry, holding its images in memory.
//
// It takes the registry's own command line (`registry serve config.yml`) and ends when its standard input does, so that
// it never outlives the process that started it, however that one ended.
package main

import (
	"io"
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
)

func main() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}

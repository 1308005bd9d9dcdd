// Command runc-without-resource calls runc where even root lacks CAP_SYS_RESOURCE.
//
// There runc fails with "unable to apply caps" or "can't get final child's PID from pipe: EOF", because a privileged
// container asks for all capabilities, a negative OOM score and raised limits. This takes these out of what runc is
// told (the bundle's config.json, or the file of `exec --process`) and changes nothing else.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const missing = "CAP_SYS_RESOURCE"

func main() {
	if file, isProcess := described(os.Args[1:]); file != "" {
		if err := lower(file, isProcess); err != nil {
			fmt.Fprintf(os.Stderr, "lowering what %s asks for: %v\n", file, err)
			os.Exit(1)
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		runc = "/usr/sbin/runc"
	}
	err = syscall.Exec(runc, append([]string{"runc"}, os.Args[1:]...), os.Environ())
	fmt.Fprintf(os.Stderr, "starting %s: %v\n", runc, err)
	os.Exit(1)
}

// described gives the file that says what shall run, and whether it holds the process alone.
func described(args []string) (file string, isProcess bool) {
	for i, arg := range args {
		name, value, inline := strings.Cut(arg, "=")
		if !inline && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "--bundle", "-b":
			return filepath.Join(value, "config.json"), false
		case "--process", "-p":
			return value, true
		}
	}
	return "", false
}

func lower(file string, isProcess bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	// Numbers stay as they were written: some do not fit a float.
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	config := map[string]any{}
	if err := decoder.Decode(&config); err != nil {
		return err
	}
	process := config
	if !isProcess {
		process, _ = config["process"].(map[string]any)
	}
	if process == nil {
		return nil
	}
	delete(process, "rlimits")
	if score, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(string(score), "-") {
		process["oomScoreAdj"] = 0
	}
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		held, _ := set.([]any)
		kept := make([]any, 0, len(held))
		for _, each := range held {
			if each != missing {
				kept = append(kept, each)
			}
		}
		sets[name] = kept
	}
	lowered, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(file, lowered, 0o600)
}

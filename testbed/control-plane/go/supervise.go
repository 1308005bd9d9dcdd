package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Order says what to run. It is read from the file that is supervise's only argument.
type order struct {
	// Directory holds everything that the programs write. It is removed at the end.
	Directory string `json:"directory"`
	// Detached supervisors run until they are told to stop; others end when their standard input does, which is how
	// they notice that their parent is gone, even when it was killed.
	Detached bool      `json:"detached"`
	Programs []program `json:"programs"`
}

type program struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	// Deferred programs are started when they are first asked for: the controller manager, started with the API server,
	// would find it absent and look again a second later.
	Deferred bool `json:"deferred"`

	command *exec.Cmd
	exits   int
}

type exit struct {
	program *program
	command *exec.Cmd
	err     error
}

const (
	restartAfter   = 300 * time.Millisecond
	killAfter      = time.Second
	controlSocket  = "control.sock"
	supervisorFile = "supervisor.pid"
)

func init() {
	// Pdeathsig means the death of the thread that started the child, not of the process: all children are started
	// by the main goroutine, and this keeps it on the main thread.
	runtime.LockOSThread()
}

// supervise keeps the ordered programs running and leaves nothing behind: no process and no file.
func supervise() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: supervise ORDER.json"))
	}
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	var ordered order
	if err := json.Unmarshal(content, &ordered); err != nil {
		fail(fmt.Errorf("reading %s: %w", os.Args[1], err))
	}
	code := keepRunning(&ordered)
	_ = os.RemoveAll(ordered.Directory)
	os.Exit(code)
}

func keepRunning(ordered *order) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	parentGone := make(chan struct{})
	if !ordered.Detached {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(parentGone)
		}()
	}

	directory := ordered.Directory
	if err := os.WriteFile(filepath.Join(directory, supervisorFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return complain(err)
	}
	authority, err := makeCredentials(directory)
	if err != nil {
		return complain(err)
	}
	listener, err := net.Listen("unix", filepath.Join(directory, controlSocket))
	if err != nil {
		return complain(err)
	}
	requests := make(chan request)
	go serveControl(listener, requests)

	exits := make(chan exit)
	restarts := make(chan *program)
	defer func() {
		for i := range ordered.Programs {
			if command := ordered.Programs[i].command; command != nil {
				_ = command.Process.Kill()
			}
		}
		for i := range ordered.Programs {
			if ordered.Programs[i].command != nil {
				<-exits
			}
		}
	}()
	for i := range ordered.Programs {
		if ordered.Programs[i].Deferred {
			continue
		}
		if err := start(directory, &ordered.Programs[i], exits); err != nil {
			return complain(err)
		}
	}
	for {
		select {
		case <-stop:
			return 0
		case <-parentGone:
			return 0
		case ended := <-exits:
			ended.program.command = nil
			ended.program.exits++
			time.AfterFunc(restartAfter, func() { restarts <- ended.program })
		case again := <-restarts:
			if err := start(directory, again, exits); err != nil {
				return complain(err)
			}
		case asked := <-requests:
			if asked.Do == "stop" {
				asked.reply <- map[string]any{"pid": os.Getpid()}
				return 0
			}
			if asked.Do == "start" {
				asked.reply <- startDeferred(asked, ordered, exits)
				continue
			}
			asked.reply <- answer(asked, ordered, authority)
		}
	}
}

// start runs a program of this very binary, under its name, its output going to NAME.log.
func start(directory string, started *program, exits chan<- exit) error {
	log, err := os.OpenFile(filepath.Join(directory, started.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(filepath.Join(filepath.Dir(os.Args[0]), started.Name), started.Args...)
	command.Dir = directory
	command.Stdout = log
	command.Stderr = log
	command.SysProcAttr = dieWithParent()
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", started.Name, err)
	}
	started.command = command
	go func() { exits <- exit{started, command, command.Wait()} }()
	return nil
}

func startDeferred(asked request, ordered *order, exits chan<- exit) map[string]any {
	for i := range ordered.Programs {
		each := &ordered.Programs[i]
		if each.Name != asked.Program || !each.Deferred {
			continue
		}
		each.Deferred = false
		if err := start(ordered.Directory, each, exits); err != nil {
			return map[string]any{"error": err.Error()}
		}
		return map[string]any{}
	}
	return map[string]any{"error": fmt.Sprintf("program %q does not wait to be started", asked.Program)}
}

// terminate asks a program to end and insists after a while; the loop starts it again.
func terminate(ended *program) {
	command := ended.command
	_ = command.Process.Signal(syscall.SIGTERM)
	time.AfterFunc(killAfter, func() { _ = command.Process.Kill() })
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "supervise:", err)
	return 1
}

func fail(err error) {
	os.Exit(complain(err))
}

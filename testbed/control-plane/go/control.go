package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
)

// Request is one line of JSON on the control socket; the answer is one line too.
//
//	{"do":"status"}                                       the programs, their process ids and how often each ended
//	{"do":"start","program":"kube-controller-manager"}    starts a deferred program
//	{"do":"restart","program":"kube-apiserver"}           ends that program; it is started again
//	{"do":"certificate","user":"anna","groups":["team"]}  a client certificate for that identity
//	{"do":"stop"}                                         ends everything and removes the directory
type request struct {
	Do      string   `json:"do"`
	Program string   `json:"program"`
	User    string   `json:"user"`
	Groups  []string `json:"groups"`

	reply chan map[string]any
}

func serveControl(listener net.Listener, requests chan<- request) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			lines := bufio.NewScanner(connection)
			for lines.Scan() {
				asked := request{reply: make(chan map[string]any, 1)}
				response := map[string]any{}
				if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
					response["error"] = err.Error()
				} else {
					requests <- asked
					response = <-asked.reply
				}
				if json.NewEncoder(connection).Encode(response) != nil {
					return
				}
			}
		}()
	}
}

func answer(asked request, ordered *order, authority *authority) map[string]any {
	switch asked.Do {
	case "status":
		programs := make([]map[string]any, 0, len(ordered.Programs))
		for i := range ordered.Programs {
			each := &ordered.Programs[i]
			status := map[string]any{"name": each.Name, "exits": each.exits}
			if each.command != nil {
				status["pid"] = each.command.Process.Pid
			}
			programs = append(programs, status)
		}
		return map[string]any{"programs": programs}
	case "restart":
		for i := range ordered.Programs {
			if each := &ordered.Programs[i]; each.Name == asked.Program && each.command != nil {
				terminate(each)
				return map[string]any{"exits": each.exits}
			}
		}
		return map[string]any{"error": fmt.Sprintf("program %q is not running", asked.Program)}
	case "certificate":
		certificate, key, err := authority.clientCertificate(asked.User, asked.Groups)
		if err != nil {
			return map[string]any{"error": err.Error()}
		}
		return map[string]any{"certificate": string(certificate), "key": string(key)}
	default:
		return map[string]any{"error": fmt.Sprintf("unknown request %q", asked.Do)}
	}
}

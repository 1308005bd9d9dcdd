// The descheduler, built here because its module has replace directives, which `go install` refuses.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"sigs.k8s.io/descheduler/cmd/descheduler/app"
)

func main() {
	os.Exit(cli.Run(app.NewDeschedulerCommand(os.Stdout)))
}

package main

import "syscall"

// dieWithParent has the kernel kill a program whose supervisor was itself killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

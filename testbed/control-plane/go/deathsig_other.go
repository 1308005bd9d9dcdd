//go:build !linux

package main

import "syscall"

// dieWithParent: only Linux has the means.
func dieWithParent() *syscall.SysProcAttr {
	return nil
}

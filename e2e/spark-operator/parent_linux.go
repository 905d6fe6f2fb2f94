package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// A suite that is killed takes its control plane with it.
func init() {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0)
}

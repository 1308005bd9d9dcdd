module podmend/testbed/machine/runc

go 1.26.0

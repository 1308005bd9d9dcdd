module podmend/testbed/kind/idle

go 1.26.0

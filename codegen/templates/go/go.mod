module hispos-client

go 1.25.0

require (
	go.bug.st/serial v1.8.0
	golang.org/x/sys v0.43.0
	google.golang.org/protobuf v1.36.12
)

// Package control is the socket by which commands talk to the running daemon: a unix socket beside
// the state file, with HTTP. It is there whether or not the configuration has a listener for the
// page.
//
//	attachd run                        Listen, Serve
//	attachd healthcheck, reload, ...   Client
//
// The socket can be used by the user that the daemon runs as, and by root. Nobody else can connect,
// so it asks for no token.
//
// [Listen] takes over the socket of a daemon that was killed. It leaves the socket of a living one
// alone, and any file that is no socket. A path that is too long for a socket (108 bytes on Linux)
// works on Linux all the same.
package control

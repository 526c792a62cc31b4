// Package web is attachd's page: it answers "is everything fine, what came in, what needs me?" in a
// browser, and the same as JSON under /api/v1.
//
// # How it is made
//
// The server renders everything with html/template. There is one stylesheet and no build step, and
// every view and form works without JavaScript. A view is a function that makes a struct of what a
// request asks for. The template shows the struct, and /api/v1 writes the same struct as JSON, so
// the two never disagree. What is foreign (names, subjects, servers' words) is data: html/template
// escapes it, and characters that are obeyed instead of read are written as escapes, by
// package foreign, over the whole of each page. Only plots and strips are made as HTML, from
// numbers and escaped labels.
//
// # Who may see it
//
// There is no listener unless the configuration names one. With a token, everything asks for it
// except the files in /static, /livez, /readyz and, if the configuration says so, /metrics. A
// browser signs in once and has a cookie from then on; a program sends it as bearer token. The
// configuration refuses an address that others can reach without a token. Requests must name a
// host that is known, so that no foreign page reaches attachd by a name of its own (DNS
// rebinding). Forms from other origins are refused ([http.CrossOriginProtection]). The
// Content-Security-Policy allows nothing inline and nothing from elsewhere.
//
// # Limits
//
// A header may have 32 KiB, a form 64 KiB. 64 readers are told of news at a time, each at most
// every two seconds. Ends that came to nothing are waited for: 10 s for a header, 30 s for a form,
// 60 s for an answer to be taken.
//
// # Goroutines
//
// A [Server] is used from many goroutines at once. It only reads: from snapshots that do not change
// and from the history. What forms ask for is done by [Actions].
package web

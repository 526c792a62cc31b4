// Package outbound makes the HTTP requests of pings and notices. Their URLs are keys: whoever knows
// one can publish there. So no error of this package holds a URL, a header or what a server
// answered.
//
// # Guarantees
//
//   - A request ends within [Timeout]. Its answer is read to at most 64 KiB and thrown away, except
//     the status.
//   - TLS certificates are verified.
//   - A redirect is followed on the same host only, at most three times, and never from https to
//     http. A redirect that would turn a POST into a GET is an error: the notice would be lost.
//   - Proxies come from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). The proxies of
//     accounts are for their mail servers and have no part in this.
package outbound

// Package provider knows how to read mail at a provider: where its POP3 server is, how one logs in
// there, and what has to be switched on first. `attachd init` asks it for an address.
//
// # Where a server comes from
//
// [Finder.Find] tries these in turn, and the first that answers wins:
//
//  1. the table of this package, by the address's domain;
//  2. the table, by the domain's mail servers (MX): a company's domain at Google, say;
//  3. SRV records, _pop3s._tcp and _pop3._tcp (RFC 6186);
//  4. the file that mail programs look for at https://autoconfig.DOMAIN and
//     https://DOMAIN/.well-known/autoconfig;
//  5. names that servers often have: pop., pop3., mail. and mx. before the domain.
//
// # Guarantees
//
// No password is sent by this package. A server of 3, 4 and 5, and one of the table that is not
// confirmed, is only returned after it has shown a valid certificate for its name and the greeting
// of a POP3 server. A server in another domain than
// the address's is marked [Found.Foreign], and whoever asks must have a person confirm it (RFC
// 6186 section 6): records of the DNS can be forged.
//
// All that comes from outside is bounded in size and time, and holds host names, port numbers and
// user names only.
//
// # Where the table comes from
//
// Each row names its source. "ISPDB" is Thunderbird's database of providers
// (github.com/thunderbird/autoconfig, folder ispdb). A server that could not be confirmed is
// marked so, and tried before it is returned. The pages in deploy/providers tell more of the main
// ones.
package provider

// Package wiring turns the configuration into what the parts of attachd take: the fetcher's
// accounts, the extractor's options, the sink's plans and the sources of OAuth tokens. The parts
// know neither the configuration nor one another.
//
//   - [Accounts] and [Account] are the fetcher's accounts, with the folder that each delivers to;
//     [FindDestination] looks at that folder.
//   - [Rules] say how a message becomes files: which attachments are kept, under which names, and
//     what is written beside them.
//   - [OAuthClient] and [TokenStore] are for an account that logs in with a token.
//   - [LockDir] and [TokenDir] are the folders beside the state file.
//
// Nothing here runs, polls or prints. Package app does the first two.
package wiring

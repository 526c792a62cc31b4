// Package bench measures the program as a user starts it: `attachd run --once`, process start,
// login and durable delivery included. It has tests only.
//
// Each row of the table is a piece of work, such as 5,000 messages of 8 KB from a Dovecot. All
// contenders do it in turns, round by round, so that what the machine does meanwhile hits each of
// them. After every run, each file is compared with what was sent; what a contender lost or broke
// stands in the table. Beside the programs run limits: processes that do nothing but what cannot be
// left out, such as letting the mail go by, or making as many files durable.
//
//	go test ./cmd/attachd/bench -run '^$' -bench Row                         # everything
//	go test ./cmd/attachd/bench -run '^$' -bench Row/small                   # one row
//
// These variables of the environment change that:
//
//   - ATTACHD_BENCH=quick takes fewer messages and rounds.
//   - ATTACHD_TOOLS=drain,attachd,mpop names the contenders.
//   - ATTACHD_BINARIES=/tmp/before,/tmp/after runs these binaries in place of the peers, beside
//     the limits. Without it, attachd is built.
//   - ATTACHD_ROUNDS=9 says how many rounds there are.
package bench

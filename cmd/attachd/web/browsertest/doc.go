// Package browsertest lets tests drive a real browser: Debian's Chromium, headless, over the
// DevTools protocol.
//
// [Start] starts one browser for all tabs of a test, with a profile that goes with it. A [Tab] has
// cookies of its own and remembers what must not happen: messages on the console (a violation of
// the Content-Security-Policy is one), errors of scripts, and dialogs. [Axe] has axe-core look for
// what keeps people from using a page.
//
// # What it needs
//
// Chromium, as Debian's package chromium has it, and for axe-core npm, which fetches it into the
// user's cache once. It is not kept here: its licence (MPL-2.0) is another one. Where one of them
// is missing, tests are skipped with a hint on how to install it. With CI=true in the environment
// they fail instead.
//
// # How it ends
//
// The browser ends with the test, with all its processes. As root it runs without its sandbox,
// which needs another user; the pages are the tests' own.
//
// Pictures that [Tab.Shoot] takes lie in the folder that ATTACHD_ARTEFACTS names, or in bin/shots
// of the repository.
package browsertest

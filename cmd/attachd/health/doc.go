// Package health says whether attachd works, for containers, load balancers and systemd.
//
// Alive means that the scheduler moves: it found all of its loops on time within the last [Stale].
// Who asks [Live] for it restarts attachd if it is not. systemd's watchdog goes by the same beat.
// A mail server that is down changes nothing: a restart would not help.
//
// Ready ([Ready]) means that mail which comes now can be stored: the configuration is loaded, the
// state and the output folders can be written, and attachd is not about to stop.
//
// Answers are a word or two for a person, or JSON for who accepts application/json. They name no
// path, account or server: probes ask without a token. The log has the whole errors.
package health

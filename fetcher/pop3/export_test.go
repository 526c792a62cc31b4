package pop3

// Noop asks the server for a reply and nothing else: the tests' plainest command.
func (c *Client) Noop() error {
	_, err := c.cmd("NOOP")
	return err
}

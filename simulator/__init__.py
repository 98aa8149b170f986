"""A Twilio and a bank to test against. Talks to applications over HTTP or WSGI only."""

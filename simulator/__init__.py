"""A Twilio and a bank to test against.

The hotline is met over HTTP or WSGI; beside that, hotline_records.py names what is read in its
Redis. Functions are named in the imperative (`start`, `play`); only what a test tells as a story is
in the third person: a `kit.Caller` presses, a `bank.client.SandboxBank` behaves.
"""

"""Why the hotline could not be started: a text for the person who typed `make run`."""


class StartError(Exception):
    """Nothing was left running; the text says what is wrong and what to change."""

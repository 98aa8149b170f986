"""Enqueue: the caller waits, with music or with a wait document, until an agent takes the call."""

from .activity import Continue, Goto, Transition
from .clock import NEVER
from .markup import Element
from .phone_line import new_sid

WAITING_VERBS = frozenset({"Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"})


class Queued:
    """One caller's stay in a queue: which queue, since when, what plays, what comes after."""

    def __init__(
        self, enqueue: Element, action: str, wait_url: str, now: float, taken_at: float
    ) -> None:
        self.name = enqueue.own_text
        self.taken_at = taken_at
        self._enqueue = enqueue
        self._action = action
        self._wait_url = wait_url
        self._joined_at = now
        self._waited: float | None = None  # seconds, once an agent has taken the call
        self._sid = new_sid("QU")

    @property
    def has_document(self) -> bool:
        return bool(self._enqueue.attributes.get("waitUrl"))

    def wait_document(self, now: float) -> Goto:
        """The wait document, asked for again whenever it has run out."""
        parameters = {
            "QueueSid": self._sid,
            "QueueTime": self._time(now),
            "QueuePosition": "1",
            "CurrentQueueSize": "1",
            "AvgQueueTime": "0",
            "MaxQueueSize": "1000",
        }
        return Goto(self._wait_url, self._enqueue.method("waitUrlMethod"), parameters)

    def take(self, now: float) -> None:
        """An agent takes the call."""
        self.taken_at = NEVER
        self._waited = now - self._joined_at

    def on_hang_up(self, now: float) -> Transition:
        """The caller hangs up, waiting or talking."""
        return self.after("hangup" if self._waited is None else "bridged", now)

    def after(self, result: str, now: float) -> Transition:
        """The action with QueueResult; without action the verb after `<Enqueue>`."""
        if not self._enqueue.attributes.get("action"):
            return Continue()
        parameters = {"QueueResult": result, "QueueTime": self._time(now), "QueueSid": self._sid}
        return Goto(self._action, self._enqueue.method(), parameters)

    def _time(self, now: float) -> str:
        """ "QueueTime is the time in the queue", without that with the agent."""
        return str(round(now - self._joined_at if self._waited is None else self._waited))

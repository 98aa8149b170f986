"""Enqueue: the caller waits, with music or with a wait document, until an agent takes the call."""

from .activity import Continue, Goto, Transition
from .markup import Element
from .phone_line import new_sid


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
        self._sid = new_sid("QU")

    @property
    def has_document(self) -> bool:
        return bool(self._enqueue.attributes.get("waitUrl"))

    def wait_document(self, now: float) -> Goto:
        """The wait document, asked for again whenever it has run out."""
        parameters = {
            "QueueSid": self._sid,
            "QueueTime": str(round(now - self._joined_at)),
            "QueuePosition": "1",
            "CurrentQueueSize": "1",
            "AvgQueueTime": "0",
        }
        return Goto(self._wait_url, self._enqueue.method("waitUrlMethod"), parameters)

    def after(self, result: str, now: float) -> Transition:
        """The action with QueueResult; without action the verb after `<Enqueue>`."""
        if not self._enqueue.attributes.get("action"):
            return Continue()
        time_in_queue = str(round(now - self._joined_at))
        parameters = {"QueueResult": result, "QueueTime": time_in_queue, "QueueSid": self._sid}
        return Goto(self._action, self._enqueue.method(), parameters)

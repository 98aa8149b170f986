"""Which verb comes next: the current document, and what replaces it when it cannot be fetched."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .activity import Goto
from .checks import faults_in
from .faults import HTML_ANSWER, REDIRECT_LOOP, Fault, FaultError, fault_of
from .fetch import Fetcher, HttpRequest, resolved
from .markup import Element, media_type, parse, read_answer
from .phone_line import PhoneLine
from .rules import Rules

_APPLICATION_ERROR = parse(
    b"<Response><Say>We are sorry, an application error has occurred. Goodbye.</Say>"
    b"<Hangup/></Response>"
)


@dataclass(frozen=True)
class Position:
    """Where in which document the call is: what an `<Enqueue>` comes back to."""

    url: str
    verbs: tuple[Element, ...]


class Script:
    """The document being executed. Knows the fallback URL and guards against endless loops."""

    def __init__(
        self, line: PhoneLine, fetcher: Fetcher, rules: Rules, report: Callable[[Fault], None]
    ) -> None:
        self._line = line
        self._fetcher = fetcher
        self._rules = rules
        self._report = report
        self._url = ""
        self._verbs: deque[Element] = deque()
        self._documents = 0
        self._at_once = 0
        self._last_opened_at = -1.0

    @property
    def position(self) -> Position:
        return Position(self._url, tuple(self._verbs))

    def go_back_to(self, position: Position) -> None:
        self._url, self._verbs = position.url, deque(position.verbs)

    def peek(self) -> Element | None:
        """The verb that comes next."""
        return self._verbs[0] if self._verbs else None

    def next_verb(self) -> Element | None:
        return self._verbs.popleft() if self._verbs else None

    def absolute(self, url: str) -> str:
        """URLs "resolve against the current document"; an empty one means that document."""
        return resolved(url, self._url) if url else self._url

    def open(self, goto: Goto, parameters: Mapping[str, str], now: float) -> None:
        """Fetches the next document, or raises whatever its answer makes go wrong."""
        self._guard(goto, now)
        self._load(goto, parameters, "voice", now)

    def _guard(self, goto: Goto, now: float) -> None:
        self._documents += 1
        self._at_once = self._at_once + 1 if now == self._last_opened_at else 1
        self._last_opened_at = now
        too_many = self._documents > self._rules.most_documents
        if too_many or self._at_once > self._rules.most_documents_at_once:
            detail = f"{self._documents} documents, the last {self._at_once} in the same moment"
            raise FaultError(REDIRECT_LOOP, detail, goto.url)

    def _load(self, goto: Goto, parameters: Mapping[str, str], purpose: str, now: float) -> None:
        request = HttpRequest(goto.url, parameters, goto.input, goto.method, purpose)
        url, answer = self._fetcher.fetch(request, now)
        content_type = answer.header("Content-Type")
        root = read_answer(content_type, answer.body, url)
        if media_type(content_type) == "text/html":
            self._report(Fault(HTML_ANSWER, "send text/xml", url))
        for fault in faults_in(root, url):
            self._report(fault)
        self._url, self._verbs = url, deque(root.children)

    def fall_back(
        self, goto: Goto, fault: Fault, parameters: Mapping[str, str], now: float
    ) -> None:
        """The fallback URL is "called when ours failed; same parameters + ErrorCode, ErrorUrl".

        Without one, or when it fails too: "an application error has occurred", and hangs up.
        """
        self.apologise()
        if not self._line.fallback_url or fault.code == REDIRECT_LOOP:
            return
        error = {"ErrorCode": str(fault.code), "ErrorUrl": fault.url.partition("#")[0]}
        fallback = Goto(self._line.fallback_url, "POST", {**goto.input, **error})
        try:
            self._load(fallback, parameters, "fallback", now)
        except Exception as second:
            self._report(fault_of(second, fallback.url))

    def apologise(self) -> None:
        """ "An application error has occurred": what is left to say."""
        self._verbs = deque(_APPLICATION_ERROR.children)

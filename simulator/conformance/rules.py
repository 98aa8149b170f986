"""The rules a bank's receiver keeps, each with the notices that show whether it does.

Whether a bank carried a notice out can only be seen by its answers. So a repeated `webhook-id`
comes with another content, too: who remembers ids answers as before, and who answers to the new
content has carried out an id twice. Where all answers are alike, that is "not seen".
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulator.conformance.notices import (
    KINDS,
    PING,
    RELEASED,
    REPORTED,
    WITHDRAWN,
    a_trial,
    as_sent,
    new_webhook_id,
)
from simulator.conformance.receiver import MOST_BYTES, TRY_AGAIN, Answer, Request
from simulator.conformance.session import ACKNOWLEDGES_LATER, Finding, Session, Verdict
from simulator.conformance.words import Said, each, said

UNKNOWN_TYPE: Final = "card.type_of_tomorrow"
LONGEST_ID: Final = 256
ROUNDS: Final = 10  # of two at once: a race is not lost every time
_PIECES: Final = 8
_MINUTE: Final = 60

Check = Callable[[Session], Finding]
ANSWER: Final = said("answer")


@dataclass(frozen=True)
class Rule:
    """name: group/rule. should: what the bank should do. section: where docs/bank-api.md says so.

    is_about_all: judged by everything that was answered, and even when no loss report is taken.
    """

    name: str
    should: str
    section: str
    check: Check
    is_about_all: bool = False


def kept(did: Said) -> Finding:
    return Finding(Verdict.KEPT, did)


def broken(did: Said) -> Finding:
    return Finding(Verdict.BROKEN, did)


def not_seen(did: Said) -> Finding:
    return Finding(Verdict.NOT_SEEN, did)


def taken(answer: Answer, what: Said = ANSWER) -> Finding:
    """Kept if it was answered with 2xx."""
    did = said("{}: {}", what, answer)
    return kept(did) if answer.is_accepted else broken(did)


def worst(findings: list[Finding]) -> Finding:
    """Several as one: what is broken is told, else what was not seen, else everything."""
    for verdict in (Verdict.BROKEN, Verdict.NOT_SEEN):
        if told := [finding.did for finding in findings if finding.verdict is verdict]:
            return Finding(verdict, each(told))
    return kept(each([finding.did for finding in findings]))


# --- each type, and what is not known yet --------------------------------------------------------


def of_type(kind: str) -> Check:
    """One ordinary notice of this type."""

    def check(session: Session) -> Finding:
        answer = session.opening[kind]
        if answer.is_late:
            return not_seen(answer.told)
        if kind == PING and answer.says_blocked:
            return broken(said("says it blocked a card for a ping: {}", answer))
        return taken(answer)

    return check


def an_unknown_type(session: Session) -> Finding:
    answer = session.sends(session.report().body(RELEASED) | {"type": UNKNOWN_TYPE})
    if answer.says_blocked:
        return broken(said("says it blocked a card for a type it cannot know: {}", answer))
    return taken(answer)


def unknown_fields(session: Session) -> Finding:
    body = session.report().body()
    unknown = {"field_of_tomorrow": {"deep": [1, None, "新"]}}
    inner = {name: body["data"][name] | unknown for name in ("card", "holder")}
    return taken(session.sends(body | unknown | {"data": body["data"] | inner | unknown}))


def a_test_of_its_own(session: Session) -> Finding:
    answer = session.sends(a_trial())
    if answer.says_blocked:
        return broken(said("says it blocked a card for a test: {}", answer))
    return taken(answer)


def the_largest_body(session: Session) -> Finding:
    body = session.report().body()
    room = MOST_BYTES - len(as_sent(body | {"padding": ""}).encode())
    answer = session.sends(body | {"padding": "x" * room})
    small = answer if answer.is_accepted else session.sends(body | {"padding": ""})
    if not small.is_accepted:
        return not_seen(said("a small one with an unknown field is not taken either: {}", small))
    return taken(answer)


def the_longest_id(session: Session) -> Finding:
    report, start = session.report(), _a_long_id()
    first = session.sends(report.body(), start + "1")
    other = session.sends(report.body(RELEASED), start + "2")
    if not first.is_accepted or not other.is_accepted:
        return worst([taken(first), taken(other)])
    if not session.tells_types_apart:
        return not_seen(said("took it; all types get the same answer: {}", other))
    did = said("to the first: {}; to an id that ends differently: {}", first, other)
    return kept(did) if other.word == session.released.word else broken(did)


def _a_long_id() -> str:
    return "ntc-" + secrets.token_hex(LONGEST_ID)[: LONGEST_ID - len("ntc-1")]


# --- signatures ----------------------------------------------------------------------------------


def refused(answer: Answer, what: Said) -> Finding:
    """Kept if it was answered with 401."""
    did = said("{}: {}", what, answer)
    return kept(did) if answer.status == 401 else broken(did)


def a_forged_signature(session: Session) -> Finding:
    answer = session.sends(session.report().body(), secrets=[_another_secret()])
    return refused(answer, said("signed with another secret"))


def _another_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def a_changed_body(session: Session) -> Finding:
    request = session.signed(session.report().body())
    changed = replace(request, body=as_sent(session.report().body()).encode())
    return refused(session.posts(changed), said("another card than was signed for"))


def a_changed_header(session: Session) -> Finding:
    request = session.signed(session.report().body())
    later = str(int(request.headers["webhook-timestamp"]) + 1)
    changes = {"webhook-id": new_webhook_id(), "webhook-timestamp": later}
    return worst([
        refused(session.posts(_with(request, name, value)), said("{} changed", name))
        for name, value in changes.items()
    ])  # fmt: skip


def no_signature(session: Session) -> Finding:
    request = session.signed(session.report().body())
    bare = {k: v for k, v in request.headers.items() if not k.startswith("webhook-")}
    return worst([
        refused(session.posts(replace(request, headers=bare)), said("no webhook headers")),
        refused(session.posts(_with(request, "webhook-signature", "v1,")), said("empty signature")),
    ])  # fmt: skip


def exact_bytes(session: Session) -> Finding:
    """Spaces, line breaks and escapes that another program's JSON would not have."""
    compact = as_sent(session.report().body()).replace("holder", "h\\u006flder", 1)
    return taken(session.sends("{\n  " + compact[1:-1].replace(",", " ,\n  ") + "\n}\n"))


def two_signatures(session: Session) -> Finding:
    other = _another_secret()  # as if the bank had not changed over yet, or had already
    orders = {"ours first": [session.secret, other], "ours second": [other, session.secret]}
    return worst([
        taken(session.sends(session.report().body(), secrets=order), said(what))
        for what, order in orders.items()
    ])  # fmt: skip


def unknown_signatures(session: Session) -> Finding:
    request = session.signed(session.report().body())
    right = request.headers["webhook-signature"]
    listed = f"v1a,{base64.b64encode(bytes(64)).decode()} v9,anything {right}"
    return taken(session.posts(_with(request, "webhook-signature", listed)))


def the_old_secret(session: Session) -> Finding:
    if not session.old_secret:
        return not_seen(said("not tried: give --old-secret while you take two secrets"))
    body = session.report().body()
    return taken(
        session.sends(body, secrets=[session.old_secret]), said("signed with the old secret")
    )


def an_old_timestamp(session: Session) -> Finding:
    answer = session.sends(session.report().body(), seconds_ago=10 * _MINUTE)
    return refused(answer, said("signed 10 minutes ago"))


def a_future_timestamp(session: Session) -> Finding:
    answer = session.sends(session.report().body(), seconds_ago=-10 * _MINUTE)
    return refused(answer, said("signed for in 10 minutes"))


def a_clock_that_differs(session: Session) -> Finding:
    return worst([
        taken(session.sends(session.report().body(), seconds_ago=minutes * _MINUTE), said(what))
        for minutes, what in ((4, "signed 4 minutes ago"), (-4, "signed for in 4 minutes"))
    ])  # fmt: skip


def _with(request: Request, name: str, value: str) -> Request:
    return replace(request, headers={**request.headers, name: value})


# --- once, and in any order ----------------------------------------------------------------------


def the_same_answer(session: Session) -> Finding:
    body, webhook_id = session.report().body(), new_webhook_id()
    first, again = session.sends(body, webhook_id), session.sends(body, webhook_id)
    did = said("first: {}; then: {}", first, again)
    return kept(did) if is_as_before(first, again) else broken(did)


def is_as_before(first: Answer, again: Answer) -> bool:
    """The same word to the caller; "blocked" may follow what was only received."""
    if first.word in ACKNOWLEDGES_LATER and again.says_blocked:
        return True
    return again.is_accepted and again.word == first.word


def ids_are_remembered(session: Session) -> Finding:
    report, webhook_id = session.report(), new_webhook_id()
    first = session.sends(report.body(), webhook_id)
    return remembers(session, first, session.sends(report.body(RELEASED), webhook_id))


def remembers(session: Session, first: Answer, other: Answer) -> Finding:
    """What the answer to `other`, a release under the id of a report, says of who gave it."""
    did = said("to a report: {}; to another content under its id: {}", first, other)
    if not first.is_accepted or other.status is None or other.status in TRY_AGAIN:
        return not_seen(did)
    if not other.is_accepted:
        return kept(did)
    if not session.tells_types_apart:
        return not_seen(said("all types get the same answer: {}", did))
    return broken(did) if other.word == session.released.word else kept(did)


def two_at_once(session: Session) -> Finding:
    """The same notice twice in one instant."""
    return worst([_the_same_at_once(session) for _ in range(ROUNDS)])


def _the_same_at_once(session: Session) -> Finding:
    body, webhook_id = session.report().body(), new_webhook_id()
    both = session.posts_together([session.signed(body, webhook_id) for _ in range(2)])
    did = said("{} and {}", *both)
    words = {answer.word for answer in both if answer.is_accepted}
    lasting = [a for a in both if not a.is_accepted and a.status not in TRY_AGAIN]
    if lasting or not words or len(words - set(ACKNOWLEDGES_LATER)) > 1:
        return broken(did)
    return kept(did)


def two_contents_at_once(session: Session) -> Finding:
    """A report and a release under one id in one instant: only one of them is carried out."""
    return worst([_two_contents(session) for _ in range(ROUNDS)])


def _two_contents(session: Session) -> Finding:
    report, webhook_id = session.report(), new_webhook_id()
    requests = [session.signed(report.body(kind), webhook_id) for kind in (REPORTED, RELEASED)]
    both = session.posts_together(requests)
    did = said("{} and {}", *both)
    if not session.tells_types_apart:
        return not_seen(said("all types get the same answer: {}", did))
    own = (session.reported.word, session.released.word)
    is_twice = all(a.is_accepted for a in both) and tuple(a.word for a in both) == own
    return broken(said("carried out both: {}", did)) if is_twice else kept(did)


def a_dropped_connection(session: Session) -> Finding:
    report, webhook_id = session.report(), new_webhook_id()
    if not session.receiver.post_and_drop(session.signed(report.body(), webhook_id)):
        return broken(said("gave no answer before the connection was dropped"))
    other = session.sends(report.body(RELEASED), webhook_id)
    again = session.sends(report.body(), webhook_id)
    as_a_report = {session.reported.word, "blocked", *ACKNOWLEDGES_LATER}
    if not again.is_accepted or again.word not in as_a_report:
        return broken(said("the answer was lost, and to the same notice again: {}", again))
    return remembers(session, again, other)


def a_release_before_its_report(session: Session) -> Finding:
    report = session.report()
    release, later = session.sends(report.body(RELEASED)), session.sends(report.body())
    did = said("to the release: {}; to its report afterwards: {}", release, later)
    if not release.is_accepted or not later.is_accepted or release.says_blocked:
        return broken(did)
    if later.says_blocked:
        return kept(did)
    is_told = later.word not in ACKNOWLEDGES_LATER and session.reported.says_blocked
    return broken(did) if is_told else not_seen(said("whether it blocked: {}", did))


def a_withdrawal_before_its_report(session: Session) -> Finding:
    report = session.never_reported()
    withdrawal, later = session.sends(report.body(WITHDRAWN)), session.sends(report.body())
    did = said("to the withdrawal: {}; to its report afterwards: {}", withdrawal, later)
    if not withdrawal.is_accepted or withdrawal.says_blocked or later.says_blocked:
        return broken(did)
    may_block_yet = later.word in ACKNOWLEDGES_LATER if later.is_accepted else later.may_work_later
    return not_seen(said("whether it blocks: {}", did)) if may_block_yet else kept(did)


# --- the wire ------------------------------------------------------------------------------------


def in_time(session: Session) -> Finding:
    late = [kind for kind, answer in session.opening.items() if answer.is_late]
    if late:
        seconds = f"{session.receiver.seconds:g}"
        return broken(said("no answer within {} s to {}", seconds, ", ".join(late)))
    slowest = max(answer.seconds for answer in session.answers)
    count = len(session.answers)
    return kept(said("the slowest of {} answers took {} s", count, f"{slowest:.2f}"))


def several_at_once(session: Session) -> Finding:
    requests = [session.signed(session.report().body()) for _ in range(session.at_once)]
    answers = session.posts_together(requests)
    bad = [answer for answer in answers if not answer.is_accepted]
    took = said("took {} of {}", len(answers) - len(bad), len(answers))
    return broken(said("{}; one of the others: {}", took, bad[0])) if bad else kept(took)


def a_slow_body(session: Session) -> Finding:
    request = session.signed(session.report().body())
    return taken(session.posts(replace(request, sent_in=_PIECES, pause=session.pause)))


def one_answer(session: Session) -> Finding:
    first, second = (session.signed(session.report().body()) for _ in range(2))
    answer, surplus, next_answer = session.receiver.post_and_listen(first, second)
    if surplus:
        return broken(said("{}, and unasked {} bytes more", answer, len(surplus)))
    return worst([taken(answer, said("first")), taken(next_answer, said("next"))])


def readable_answers(session: Session) -> Finding:
    told = [answer for answer in session.answers if answer.is_accepted]
    bad = [answer for answer in told if not _is_readable(answer)]
    if bad:
        counts = len(bad), len(told)
        return broken(said("{} of {} are no JSON, or more than 64 kB; one: {}", *counts, bad[0]))
    if not told:
        return not_seen(said("no notice was taken"))
    return kept(said("all {} answers with 2xx", len(told)))


def _is_readable(answer: Answer) -> bool:
    try:
        answer.said()
    except ValueError:
        return False
    return len(answer.body) <= MOST_BYTES


NOTICES: Final = "Notices: what we tell you"
SIGNATURES: Final = "Signatures"
ONCE: Final = "Once, and only once"
ANSWERS: Final = "What your answer means"

RULES: Final[tuple[Rule, ...]] = (
    *(Rule(f"type/{kind}", f"answer {kind} with 2xx", NOTICES, of_type(kind), is_about_all=True)
      for kind in KINDS),
    Rule("type/unknown", "answer a type you do not know with 2xx, but not \"blocked\"",
         NOTICES, an_unknown_type),
    Rule("test/own", "take a test of your own (\"test\": true) with 2xx, and block nothing for it",
         "Your own page", a_test_of_its_own),
    Rule("body/unknown fields", "pass over fields you do not know", NOTICES, unknown_fields),
    Rule("body/largest", "take a body of 64 kB", NOTICES, the_largest_body),
    Rule("body/slow", "wait for a body that comes slowly, in pieces", NOTICES, a_slow_body),
    Rule("id/longest", "take a webhook-id of 256 characters, and tell it by all of them",
         SIGNATURES, the_longest_id),
    Rule("signature/forged", "refuse with 401 what another secret signed",
         SIGNATURES, a_forged_signature),
    Rule("signature/body", "refuse with 401 a body that is not the signed one",
         SIGNATURES, a_changed_body),
    Rule("signature/id and time", "refuse with 401 an id or a time that is not the signed one",
         SIGNATURES, a_changed_header),
    Rule("signature/missing", "refuse with 401 what is not signed", SIGNATURES, no_signature),
    Rule("signature/exact bytes", "check the body byte for byte as it came, before it is parsed",
         SIGNATURES, exact_bytes),
    Rule("signature/two", "take a notice if one of its signatures is right, whichever",
         "Changing the secret", two_signatures),
    Rule("signature/unknown versions", "pass over signatures of versions you do not know",
         SIGNATURES, unknown_signatures),
    Rule("signature/old secret", "take what the old secret signed, while you hold both",
         "Changing the secret", the_old_secret),
    Rule("time/old", "refuse with 401 a timestamp more than 5 minutes old",
         SIGNATURES, an_old_timestamp),
    Rule("time/future", "refuse with 401 a timestamp more than 5 minutes ahead",
         SIGNATURES, a_future_timestamp),
    Rule("time/near", "take a timestamp within 5 minutes of your clock (which keeps time by NTP)",
         SIGNATURES, a_clock_that_differs),
    Rule("once/same answer", "answer a repeated webhook-id as you did the first time",
         ONCE, the_same_answer),
    Rule("once/remembered", "carry out no webhook-id a second time, whatever comes with it",
         ONCE, ids_are_remembered),
    Rule("once/same at once", "answer the same notice twice at once as if it came once",
         ONCE, two_at_once),
    Rule("once/one at once", "carry out one of two that come at once under one webhook-id",
         ONCE, two_contents_at_once),
    Rule("once/lost answer", "carry out no notice again whose answer was lost, and answer it as "
         "you would have", ONCE, a_dropped_connection),
    Rule("order/release first", "take a release before its report, and block for the report still",
         "When we try again", a_release_before_its_report),
    Rule("order/withdrawn first", "take a withdrawal before its report, and do not block for the "
         "report any more", NOTICES, a_withdrawal_before_its_report),
    Rule("answer/several at once", "take as many notices at once as agreed",
         "What we need from each other", several_at_once),
    Rule("answer/one", "give each notice one answer, and let the next one follow it",
         ANSWERS, one_answer),
    Rule("answer/in time", "answer within the agreed time",
         ANSWERS, in_time, is_about_all=True),
    Rule("answer/readable", "answer in JSON of at most 64 kB, or with an empty body",
         ANSWERS, readable_answers, is_about_all=True),
)  # fmt: skip


def judge(session: Session, rule: Rule) -> Finding:
    """The finding for one rule. What needs a loss report is not seen where none is taken."""
    if rule.is_about_all or session.reported.is_accepted:
        return rule.check(session)
    return not_seen(said("not tried: no loss report is taken ({})", session.reported))

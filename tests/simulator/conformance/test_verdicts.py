"""The kit finds each broken rule, and accuses nobody of another."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from simulator.bank.running import RunningBank, new_secret
from simulator.conformance.receiver import Answer, Receiver
from simulator.conformance.result import CannotJudgeError, Result, examine
from simulator.conformance.rules import RULES
from simulator.conformance.session import Session, Verdict
from tests.simulator.conformance.a_receiver import a_receiver

SECRET, OLD_SECRET = new_secret(), new_secret()
TYPES = {rule.name for rule in RULES if rule.name.startswith("type/")} - {"type/unknown"}
UNSIGNED = {"signature/forged", "signature/body", "signature/id and time", "signature/missing"}

# What a receiver does wrong -> the rules it breaks.
BROKEN: dict[str, set[str]] = {
    "checks no signature": UNSIGNED,
    "answers 403": UNSIGNED | {"time/old", "time/future"},
    "checks the body as parsed": {"signature/exact bytes"},
    "looks at the first signature": {"signature/two", "signature/unknown versions"},
    "fails at unknown versions": {"signature/unknown versions"},
    "drops the old secret": {"signature/old secret"},
    "takes old timestamps": {"time/old"},
    "takes future timestamps": {"time/future"},
    "tolerates a minute": {"time/near"},
    "cuts ids": {"id/longest"},
    "forgets ids": {"once/remembered", "once/one at once", "once/lost answer"},
    "looks, then acts": {"once/one at once"},
    "undoes what nobody heard": {"once/lost answer"},
    "refuses repeated ids": {"once/same answer", "once/same at once", "once/lost answer"},
    "answers that it is repeated": {"once/same answer", "once/same at once", "once/lost answer"},
    "lets a release overtake": {"order/release first"},
    "refuses early releases": {"order/release first"},
    "blocks what was withdrawn": {"order/withdrawn first"},
    "refuses unknown types": {"type/unknown"},
    "blocks for tests": {"test/own"},
    "refuses unknown fields": {"body/unknown fields"},
    "blocks for everything": {
        *("type/ping", "type/unknown", "order/release first", "order/withdrawn first"),
    },
    "takes 16 kB": {"body/largest"},
    "reads a body once": {"body/slow"},
    "takes two at a time": {"answer/several at once"},
    "answers twice": {"answer/one"},
    "answers in HTML": {"answer/readable"},
    "answers at length": {"answer/readable"},
    "never answers": {"answer/in time"},
    "redirects": TYPES,
    "refuses everything": TYPES,
}


def tried(url: str, seconds: float = 5, old_secret: str = OLD_SECRET) -> Result:
    wire = Receiver(url, seconds, quiet=0.1)
    return examine(Session(wire, SECRET, old_secret, pause=0.02))


def named(result: Result, verdict: Verdict) -> set[str]:
    return {rule.name for rule, finding in result.rows if finding.verdict is verdict}


def test_a_receiver_that_keeps_every_rule() -> None:
    with a_receiver((SECRET, OLD_SECRET)) as receiver:
        result = tried(receiver.url)

    assert named(result, Verdict.KEPT) == {rule.name for rule in RULES}
    assert not result.is_broken


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_rule_is_found_and_no_other(fault: str) -> None:
    with a_receiver((SECRET, OLD_SECRET), fault) as receiver:
        result = tried(receiver.url, seconds=0.5 if fault == "never answers" else 5)

    assert named(result, Verdict.BROKEN) == BROKEN[fault]
    assert result.is_broken


def test_every_rule_can_be_broken() -> None:
    assert len(BROKEN) >= 12
    assert set().union(*BROKEN.values()) == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_what_a_bank_does_that_acknowledges_later_is_not_seen() -> None:
    """Each answer is lawful, and none shows what was carried out: nobody is told that it was."""
    with a_receiver((SECRET, OLD_SECRET), "acknowledges everything alike") as receiver:
        result = tried(receiver.url)

    assert not result.is_broken
    unseen = {"once/remembered", "once/one at once", "once/lost answer", "order/release first"}
    unseen |= {"id/longest", "order/withdrawn first"}
    assert named(result, Verdict.NOT_SEEN) == unseen


def test_nothing_is_said_of_a_secret_that_was_not_given() -> None:
    with a_receiver((SECRET,)) as receiver:
        result = tried(receiver.url, old_secret="")

    assert named(result, Verdict.NOT_SEEN) == {"signature/old secret"}
    assert not result.is_broken


# How the sandbox bank can be told to behave -> the rules that breaks.
BEHAVIOURS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "refuses": ({"kind": "refuse"}, TYPES),
    "redirects": ({"kind": "redirect"}, TYPES),
    "resets": ({"kind": "reset"}, TYPES),
    "closes": ({"kind": "down"}, TYPES),
    "says what is not HTTP": ({"kind": "garbage", "form": "broken"}, TYPES),
    "says half of it": ({"kind": "garbage", "form": "cut"}, {"answer/one", "answer/readable"}),
    "says a megabyte": ({"kind": "garbage", "form": "megabyte"}, {"answer/readable"}),
    "hangs": ({"kind": "hang"}, {"answer/in time"}),
    "acknowledges later": ({"kind": "acknowledge_later", "after_seconds": 3600}, set()),
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBank]:
    secrets = {"icbc": (SECRET, OLD_SECRET)}
    folder = tmp_path_factory.mktemp("bank")
    with RunningBank(folder, "http://127.0.0.1:9", ("icbc",), known_secrets=secrets) as started:
        yield started


@pytest.mark.parametrize("case", BEHAVIOURS)
def test_a_sandbox_bank_that_misbehaves(case: str, sandbox: RunningBank) -> None:
    behaviour, broken = BEHAVIOURS[case]
    sandbox.client.behaves("icbc", **behaviour)

    seconds = 0.5 if "answer/in time" in broken else 5
    result = tried(f"{sandbox.url}/icbc/notices", seconds)

    assert named(result, Verdict.BROKEN) == broken


@pytest.mark.parametrize("behaviour", [{"kind": "fail", "status": 503}, {"kind": "throttle"}])
def test_nothing_is_said_of_who_must_be_asked_later(
    behaviour: dict[str, Any], sandbox: RunningBank
) -> None:
    sandbox.client.behaves("icbc", **behaviour)
    with pytest.raises(CannotJudgeError, match="try it again later"):
        tried(f"{sandbox.url}/icbc/notices")


@pytest.mark.parametrize(
    ("body", "word", "blocked"),
    [
        (b'{"code": "0000", "status": "blocked"}', "blocked", True),
        (b'{"code": "0000", "status": "noted"}', "0000", False),
        (b'{"code": 0, "status": "noted"}', "noted", False),
        ('{"status": "已受理"}'.encode("gb18030"), "已受理", False),
        (b'["blocked"]', "", False),
        (b"blocked", "", False),
        (b"", "", False),
    ],
)
def test_what_is_read_of_an_answer(body: bytes, word: str, blocked: bool) -> None:
    answer = Answer(200, body)
    assert (answer.word, answer.says_blocked) == (word, blocked)
    assert not replace(answer, status=404).says_blocked
    packed = replace(answer, body=gzip.compress(body), headers={"content-encoding": "gzip"})
    assert packed.word == word

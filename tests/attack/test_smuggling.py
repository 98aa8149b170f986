"""Requests that two servers read in two ways, and targets that are not what was signed.

Sent as bare bytes to the web as the Procfile starts it. Framing that can be read in two ways must
be refused and the connection given up: whatever comes behind it is nobody's request. A signature
of one target must open no other, however that one is spelt.
"""

from collections.abc import Iterator

import pytest

from tests.attack.city import ProcfileCity
from tests.attack.forging import SHUT, a_bank_get, a_bank_post, a_call
from tests.attack.phone import Sent
from tests.attack.raw import a_lenient_server, exchange, head_of, statuses
from tests.attack.records import business, changed
from tests.attack.tally import Tally
from tests.attack.test_doors import secret_of
from tests.faults.audit import wait_until_calm

pytestmark = [pytest.mark.attack, pytest.mark.timeout(300)]

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"  # answered with 200 if it is taken for one
SIGNED = "/voice/language?turn=0&lang=zh"


def framings(genuine: Sent) -> Iterator[tuple[str, bytes]]:
    """A genuine request whose end can be seen in two places, and one more behind it."""
    body, size = genuine.body, len(genuine.body)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)

    def post(*lines: str, then: bytes = body, length: bool = False) -> bytes:
        return head_of(genuine, *lines, length=length) + then

    te, cl = "Transfer-Encoding: chunked", f"Content-Length: {size}"
    yield "length and chunks", post(cl, te, then=chunked + HIDDEN)
    yield "chunks and length", post(te, cl, then=chunked + HIDDEN)
    yield "length 0 and chunks", post("Content-Length: 0", te, then=chunked + HIDDEN)
    yield "two lengths", post(cl, f"Content-Length: {size + len(HIDDEN)}", then=body + HIDDEN)
    yield "two lengths, the first 0", post("Content-Length: 0", cl, then=body + HIDDEN)
    yield "a list of lengths", post(f"Content-Length: {size}, {size}", then=body + HIDDEN)
    for value in (
        f"+{size}",
        f"-{size}",
        f"0x{size:x}",
        f"{size} 0",
        f"{size}.0",
        f"{size}_0",
        "²",
    ):
        yield f"length {value}", post(f"Content-Length: {value}", then=body + HIDDEN)
    for value in ("xchunked", "chunked, identity", "identity, chunked", "chunked, chunked",
                  "Chunked;q=1", "\x0bchunked", "gzip", "chunked\x00"):  # fmt: skip
        yield f"coded {value!r}", post(f"Transfer-Encoding: {value}", cl, then=chunked + HIDDEN)
    yield "coded twice", post(te, "Transfer-Encoding: identity", then=chunked + HIDDEN)
    yield "a blank before the colon", post("Transfer-Encoding : chunked", cl, then=chunked + HIDDEN)
    yield "a folded line", post("X: y", " Transfer-Encoding: chunked", cl, then=chunked + HIDDEN)
    yield "a folded value", post("Transfer-Encoding:", " chunked", cl, then=chunked + HIDDEN)
    yield (
        "an underscore",
        post("Transfer_Encoding: chunked", "Content_Length: 0", then=body + HIDDEN),
    )
    yield "a bare line feed", post("X: y\nTransfer-Encoding: chunked", cl, then=chunked + HIDDEN)
    yield "a bare return", post("X: y\rTransfer-Encoding: chunked", cl, then=chunked + HIDDEN)
    yield "a zero byte", post("X: \x00y", cl, then=body + HIDDEN)
    bad = b"%x;\n\r\n%s\r\n0\r\n\r\n" % (size, body)
    yield "a chunk's extension with a line feed", post(te, then=bad + HIDDEN)
    for line in (f"0x{size:x}", f"+{size:x}", f" {size:x}", f"{size:x}_", "f" * 20, "-1"):
        yield (
            f"a chunk of {line}",
            post(te, then=f"{line}\r\n".encode() + body + b"\r\n0\r\n\r\n" + HIDDEN),
        )
    yield (
        "HTTP/1.0 with chunks",
        post(te, then=chunked + HIDDEN).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    )
    yield "no name", post(": y", cl, then=body + HIDDEN)
    yield "no colon", post("y", cl, then=body + HIDDEN)
    yield "HTTP/9.9", post(cl, then=body + HIDDEN).replace(b"HTTP/1.1", b"HTTP/9.9", 1)
    yield "HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN
    yield "a method with a blank", b" " + post(cl, then=body + HIDDEN)
    yield "no version", b"GET /healthz\r\n\r\n" + HIDDEN
    yield (
        "a head too long",
        post(*(f"X{n}: {'y' * 9000}" for n in range(9)), cl, then=body + HIDDEN),
    )
    yield "too many headers", post(*(f"X{n}: y" for n in range(300)), cl, then=body + HIDDEN)
    yield "a target too long", head_of(genuine, target="/voice?" + "x" * 9000) + body + HIDDEN


def hides(tally: Tally, base_url: str, genuine: Sent) -> None:
    """Got through: a second answer on the connection. One alone is one request, read in one way."""
    for attack, raw in framings(genuine):
        told = statuses(exchange(base_url, raw))
        tally.note(attack, genuine.target, got_through=sum(s < 400 for s in told) > 1, saw=told)


def broken_bodies(sent: Sent) -> Iterator[tuple[str, bytes]]:
    """A body that no server can read to its end."""
    size, te = len(sent.body), "Transfer-Encoding: chunked"
    for line in (
        f"0x{size:x}",
        f"+{size:x}",
        f" {size:x}",
        f"{size:x}_",
        "f" * 20,
        "-1",
        "",
        "x;y",
    ):
        chunk = f"{line}\r\n".encode() + sent.body + b"\r\n0\r\n\r\n"
        yield f"a chunk of {line!r}", head_of(sent, te, length=False) + chunk
    cut = b"%x\r\n%s" % (size + 1, sent.body)
    yield "a chunk cut short", head_of(sent, te, length=False) + cut
    yield "no end behind a chunk", head_of(sent, te, length=False) + cut.replace(b"\r", b"", 1)


def spellings(wanted: str, signed: str) -> Iterator[tuple[str, str]]:
    """The target that is wanted, in ways that one server or another takes for it."""
    path = wanted.partition("?")[0]
    head, _, last = path.rpartition("/")
    coded = f"{head}/%{ord(last[0]):02x}{last[1:]}"
    yield "plainly", wanted
    yield "as a URL", f"http://x{wanted}"
    yield "as another's URL", f"https://hotline.example{wanted}"
    yield "as a URL in the query", f"{wanted.lstrip('/')}&z=://h{signed}"
    yield "as a URL behind a word", f"x:{wanted}?z=://h{signed}"
    yield "two slashes", f"/{wanted}"
    yield "two slashes within", wanted.replace("/", "//", 2)
    yield "a slash at the end", f"{path}/"
    yield "a letter coded", coded
    yield "a letter coded twice", coded.replace("%", "%25")
    yield "a slash coded", path.replace("/", "%2f", 2).replace("%2f", "/", 1)
    yield "a dot", wanted.replace("/", "/./", 1)
    yield "up and down", f"{signed.partition('?')[0]}/..{path.removeprefix(head)}"
    yield "up and down, coded", f"{signed.partition('?')[0]}%2f..%2f{last}"
    yield "a fragment", f"{wanted}#{signed}"
    yield "the signed one, and a fragment", f"{signed}#{wanted}"
    yield "a semicolon", f"{path};{signed}"
    yield "a backslash", path.replace("/", "\\")
    yield "a tab", f"{path}\t?{signed}"
    yield "a zero byte coded", f"{path}%00{signed}"
    yield "a line coded", f"{path}%0d%0a{signed}"
    yield "in capitals", path.upper()
    yield "in wide letters", path.replace("c", "\uff43".encode().decode("latin-1"))
    yield "an asterisk", "*"
    yield "no slash", path.lstrip("/")


def respells(tally: Tally, base_url: str, captured: Sent, wanted: str) -> None:
    """A captured request is sent to where it would do most harm, with its own signature."""
    for attack, target in spellings(wanted, captured.target):
        raw = head_of(captured, target=target) + captured.body
        told = statuses(exchange(base_url, raw))
        got_through = any(status not in {*SHUT, 404} for status in told)
        tally.note(attack, wanted, got_through=got_through, saw=told)


def names_itself(tally: Tally, base_url: str, captured: Sent, wanted: str) -> None:
    """Headers by which proxies say what was asked for, or who asks."""
    for line in (f"X-Original-URL: {wanted}", f"X-Rewrite-URL: {wanted}",
                 f"X-Forwarded-Uri: {wanted}", "X-Forwarded-Host: hotline.example",
                 "Forwarded: host=hotline.example;proto=https",
                 "X-Forwarded-Proto: https", "SCRIPT_NAME: /voice", "SCRIPT-NAME: /voice",
                 "X-Forwarded-Prefix: /voice", "REMOTE_USER: twilio", "PATH_INFO: /voice/status",
                 "RAW_URI: /voice", "Host: hotline.example"):  # fmt: skip
        raw = head_of(captured, line, target=wanted) + captured.body
        told = statuses(exchange(base_url, raw))
        tally.note(
            line.partition(":")[0], wanted, got_through=not {*told} <= {*SHUT, 404}, saw=told
        )


def test_no_request_hides_another(city: ProcfileCity) -> None:
    genuine = a_call(city.base_url, "/voice")
    assert statuses(exchange(city.base_url, head_of(genuine) + genuine.body + HIDDEN)) == [200, 200]
    wait_until_calm(city, 60)
    before, tally = business(city.hotline.redis), Tally("requests that hide another")
    for sent in (genuine, a_call(city.base_url, "/voice/status")):
        hides(tally, city.base_url, sent)
    tally.prints()
    assert tally.through == []
    after = changed(before, business(city.hotline.redis))
    assert {key for key in after if not key.startswith(("call:", "counters"))} == set()


def test_a_body_that_cannot_be_read_is_nobodys(city: ProcfileCity) -> None:
    """Whoever signed it, or nobody: no words for callers, and no fault of ours in the log."""
    event = a_bank_post(secret_of(city, "icbc"), "icbc", b"{}")
    calls = [
        a_call(city.base_url, f"/voice{rest}") for rest in ("", "/main_menu?turn=1", "/status")
    ]
    tally = Tally("bodies that cannot be read")
    for sent in (*calls, event):
        for attack, raw in broken_bodies(sent):
            told = statuses(exchange(city.base_url, raw))
            tally.note(attack, sent.target, got_through=not {*told} <= SHUT, saw=told)
    tally.prints()
    assert tally.through == []


def test_a_signature_opens_no_other_target(city: ProcfileCity) -> None:
    captured = a_call(city.base_url, SIGNED, Digits="1")
    listed = a_bank_get(secret_of(city, "icbc"), "/banks/icbc/blocks?after=")
    tally = Tally("targets that were not signed")
    for wanted in ("/voice/confirm?turn=3", "/voice/status", "/voice/agent", "/banks/icbc/blocks"):
        respells(tally, city.base_url, captured, wanted)
        names_itself(tally, city.base_url, captured, wanted)
    for wanted in ("/banks/icbc/blocks", "/banks/ccb/blocks", "/banks/icbc/events"):
        respells(tally, city.base_url, listed, wanted)
        names_itself(tally, city.base_url, listed, wanted)
    tally.prints()
    assert tally.through == []


def test_a_server_that_reads_anything_is_found(city: ProcfileCity) -> None:
    """And so is a hotline that does not ask who signed."""
    tally = Tally("requests that hide another, a lenient server")
    with a_lenient_server() as url:
        hides(tally, url, a_call(url, "/voice"))
    tally.prints()
    assert len(tally.through) > len(tally.tries) - 5
    opened = Tally("targets that were not signed, the locks removed")
    with city.another_web("tests.attack.open_door") as url:
        respells(opened, url, a_call(url, SIGNED), "/voice/agent")
    opened.prints()
    assert "plainly at /voice/agent: [200]" in opened.through

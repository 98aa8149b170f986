"""The house rules: what is true of all code, every route, every key and every dependency."""

import ast
import builtins
import re
import statistics
import tomllib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask, jsonify
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure
from redis import Redis
from rq.utils import import_attribute

from app import create_operations
from ivr import errors
from ivr.cards.bank_event import FORMAL_LOSS, UNBLOCKED
from ivr.cards.change import Change, Owed
from ivr.cards.limits import Caller
from ivr.cards.notice import NoticeKind
from ivr.dialogue.call import Call
from ivr.errors import HotlineError
from ivr.store import keys
from ivr.store.bank_health import PAUSE_AFTER, PAUSE_AFTER_SECONDS
from ivr.store.callbacks import Callback
from ivr.store.calls import Mistake
from ivr.store.codec import plain
from ivr.store.doorbell import JOB
from ivr.store.outbox import bank_queue
from ivr.store.plans import Plan
from ivr.store.texting import Question
from tests.builders import SUBSCRIBERS, a_holder, an_app, an_id_number, hotline_of, settings
from tests.hotline import Hotline, claimed
from tests.journeys.town import Town
from tests.redis_server import RedisServer
from tests.simulator.engine.apps import served
from tests.web.card_site import Browser
from tests.web.conftest import OTHER_SID, SID, PhoneCall, Twilio
from tests.workers.builders import a_delivery, deliver, sweep_of
from tests.workers.loop import wait_for
from workers.bank_client import BankClient
from workers.deliver import as_json
from workers.delivery import Delivery

ROOT = Path(__file__).parent.parent
ROOMS = ("ivr", "workers", "simulator")
FORBIDDEN_WORDS = {"handler", "handlers", "manager", "helper", "helpers", "utils", "common", "data",
                   "process", "do"}  # fmt: skip
# Names the outside world gave: Python's, RQ's, Flask's, the bank contract's, a setting of the
# contract, and the operating system's processes.
ALLOWED_NAMES = {
    "Do",  # a step's kind, by design
    "data_keys", "data_dir", "WrongDataKeysError",  # settings of the outside contract
    "data",  # the field of the bank contract
    "feed_data", "data_received",  # aiohttp's own names, overridden
    "process",  # the operating system's
}  # fmt: skip
TOP_LEVEL = {
    ".ci", ".gitignore", "Makefile", "Procfile", "Procfile.dev", "README.md", "app.py", "bench",
    "docs", "ivr", "pyproject.toml", "requirements-bench.txt", "requirements-dev.txt",
    "requirements.txt", "simulator", "tests", "workers",
}  # fmt: skip


def modules(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    assert found
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_in(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- how the code reads ------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules(*ROOMS, "tests") + [ROOT / "app.py"], ids=named)
def test_every_module_says_what_the_room_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "__init__.py" and not text.strip():
        return
    assert ast.get_docstring(tree_of(path)), f"{named(path)} has no docstring"


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of its body, without the docstring."""
    assert function.end_lineno is not None
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("room", ROOMS)
def test_functions_are_short(room: str) -> None:
    lengths = sorted(length(f) for path in modules(room) for f in functions_in(tree_of(path)))

    assert statistics.median(lengths) <= 8
    assert lengths[int(len(lengths) * 0.95)] <= 25


def names_in(tree: ast.Module) -> Iterator[str]:
    """Every name this module gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


def words_of(name: str) -> set[str]:
    return set(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().split("_"))


@pytest.mark.parametrize("path", modules("ivr", "workers") + [ROOT / "app.py"], ids=named)
def test_no_name_hides_behind_an_empty_word(path: Path) -> None:
    given = {path.stem, *names_in(tree_of(path))} - ALLOWED_NAMES
    assert [name for name in sorted(given) if words_of(name) & FORBIDDEN_WORDS] == []


@pytest.mark.parametrize("path", modules("ivr", "workers") + [ROOT / "app.py"], ids=named)
def test_every_public_function_has_a_docstring(path: Path) -> None:
    """Functions of a module and methods of its public classes; a property's name may be enough."""
    tree = tree_of(path)
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or len(node.body) < 4, node.name
            public += [f for f in node.body if isinstance(f, ast.FunctionDef)]
    silent = [f.name for f in public if not f.name.startswith("_") and not ast.get_docstring(f)]
    plain = [f.name for f in public if length(f) <= 3 or f.decorator_list]
    assert sorted(set(silent) - set(plain)) == []


@pytest.mark.parametrize("path", modules("ivr", "workers"), ids=named)
def test_nothing_is_printed_but_a_reason_to_stop(path: Path) -> None:
    printed = [
        ast.unparse(node)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]  # fmt: skip
    assert all("file=sys.stderr" in call for call in printed)


@pytest.mark.parametrize("path", modules("ivr", "workers") + [ROOT / "app.py"], ids=named)
def test_no_log_line_carries_a_traceback_of_unexpected_errors(path: Path) -> None:
    """structlog's tracebacks show the values of variables, an ID number among them."""
    text = path.read_text(encoding="utf-8")
    uses_structlog = "import structlog" in text and path.name != "logs.py"
    assert not (uses_structlog and re.search(r"log\.exception\(|exc_info", text))


@pytest.mark.parametrize("path", modules(*ROOMS, "tests") + [ROOT / "app.py"], ids=named)
def test_nothing_is_left_over(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"#\s*(TODO|FIXME|XXX|HACK)\b|\bbreakpoint\(\)|^\s*import pdb", text, re.M)


def is_exception(base: ast.expr, ours: Container[str]) -> bool:
    """A base that makes a class an exception; click's own say how a command ends."""
    name = ast.unparse(base)
    builtin = getattr(builtins, name, None)
    is_builtin = isinstance(builtin, type) and issubclass(builtin, BaseException)
    named_so = name.endswith(("Error", "Exception")) and not name.startswith("click.")
    return is_builtin or name in ours or named_so


def our_exceptions() -> dict[str, set[str]]:
    """Every exception class in ivr/ and workers/, and what it derives from."""
    trees = [tree_of(path) for path in modules("ivr", "workers")]
    classes = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    ours: dict[str, set[str]] = {}
    found = -1
    while len(ours) > found:
        found = len(ours)
        for node in classes:
            if any(is_exception(base, ours) for base in node.bases):  # a second one is a library's
                ours[node.name] = {ast.unparse(node.bases[0])}
    names = [node.name for node in classes if node.name in ours]
    assert len(names) == len(set(names)), "two exceptions of one name"
    return ours


def drawn_tree(text: str) -> dict[str, str]:
    """Each name in a tree drawn with ├── and its like -> the name it hangs from."""
    parents, above = {}, {-1: ""}
    for line in text.splitlines():
        branch = re.fullmatch(r"((?:│   |    )*)(?:[├└]── )(\w+)  +\S.*|(\w+)", line)
        if branch is not None:
            depth = 0 if branch[3] else len(branch[1]) // 4 + 1
            above[depth] = branch[3] or branch[2]
            parents[above[depth]] = above[depth - 1]
    return parents


def test_every_exception_is_drawn_with_its_meaning_in_one_tree() -> None:
    """Each hangs from what it derives from, and in the end from the one root."""
    drawn = drawn_tree(errors.__doc__ or "")
    assert drawn.pop(HotlineError.__name__) == ""
    derived = our_exceptions()
    assert derived.pop(HotlineError.__name__) == {"Exception"}
    assert {name: {parent} for name, parent in drawn.items()} == derived


def test_imports_only_point_down() -> None:
    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), is_debug_mode=True)


def test_the_import_rules_know_every_room_of_the_hotline() -> None:
    """A new room must be given its floor."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Imports point down"
    )
    placed = {room.strip() for layer in layers for room in re.split(r"[|:]", layer)}
    rooms = {f"ivr.{path.parent.name}" for path in (ROOT / "ivr").glob("*/__init__.py")}
    alone = {f"ivr.{path.stem}" for path in (ROOT / "ivr").glob("[a-z]*.py")}
    assert placed == rooms | alone | {"workers"}


def test_nobody_outside_the_store_holds_a_redis_client() -> None:
    """RQ's worker is the exception: RQ wants one, and it is a line of its own."""
    holders = [
        named(path)
        for path in [*modules("ivr", "workers"), ROOT / "app.py"]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "redis"
    ]
    assert {place for place in holders if not place.startswith("ivr/store/")} == {
        "workers/doorbell.py"
    }


def test_only_a_process_beginning_opens_the_whole_store() -> None:
    """Doors, jobs and commands are handed what they use, never the whole."""
    openers = {
        named(path)
        for path in [*modules("ivr", "workers"), ROOT / "app.py"]
        if "ivr.store.opening" in path.read_text(encoding="utf-8")
    }
    assert openers == {"app.py", "ivr/service.py", "workers/deliver.py", "workers/sweep.py"}


def test_only_what_belongs_there_lies_at_the_top() -> None:
    listed = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = {line.strip("/") for line in listed}
    found = {path.name for path in ROOT.iterdir()} - ignored - {".git"}
    assert found <= TOP_LEVEL


# --- what it stands on --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_says_what_it_is_for(name: str) -> None:
    comment = ""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip() or line.startswith("-r "):
            comment = line
            continue
        assert re.match(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*(\s|;|$)", line), line
        assert "#" in line or comment.startswith("#"), f"{line}: what is it for?"


MODULE_OF = {"Flask": "flask", "Werkzeug": "werkzeug", "python-stdnum": "stdnum",
             "markdown-it-py": "markdown_it", "python-dotenv": "dotenv",
             "tzdata": "zoneinfo", "chinesecalendar": "chinese_calendar",
             "hiredis": "redis"}  # fmt: skip


def test_every_requirement_is_used() -> None:
    """Imported, or a program the Procfile or a module starts; zoneinfo reads tzdata, and
    redis-py uses hiredis where there is one.
    """
    files = [*modules(*ROOMS), ROOT / "app.py", ROOT / "Procfile", ROOT / "README.md"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        package, pinned, _ = line.partition("==")
        module = MODULE_OF.get(package, package)
        used = rf"(import|from) {module}\b|^\w+: {module} |\b{module} start\b"
        assert not pinned or re.search(used, text, re.M), f"{package} is not used"


# --- routes, keys and jobs -----------------------------------------------------------------------


@pytest.fixture
def app(redis: Redis, redis_server: RedisServer) -> Flask:
    assert redis.dbsize() == 0
    return an_app(settings(redis_server.url), a_holder())


def test_every_route_is_signed_or_known_to_be_open(app: Flask) -> None:
    """A new route is signed by Twilio or by a bank, or stands on this list. Anybody may look at a
    page of the website; no form of it is taken without its visitor's token.
    """
    open_doors = {"/healthz", "/banks/api", "/banks/openapi.json", "/audio/icbc/icbc"}
    twilio = Twilio(app)
    for rule in app.url_map.iter_rules():
        target = re.sub(r"<[^>]*>", "icbc", str(rule))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            status = twilio.sends(target, [("CallSid", SID)], None, method).status_code
            if target.startswith("/card"):
                assert status == 400 if method == "POST" else status in (200, 303, 404)
                continue
            is_twilios = target.startswith(("/voice", "/sms"))
            expected = 403 if is_twilios else 404 if "/page/" in target else 401
            assert status == expected or target in open_doors, (method, target, status)


def test_the_operators_door_is_another_one(app: Flask) -> None:
    """What is there needs no proof, for it is not to be reached; nothing of it is public too."""
    operators = create_operations(hotline_of(app).settings)
    rules = {str(rule) for rule in operators.url_map.iter_rules()}
    assert rules == {"/readyz", "/metrics"}
    assert not rules & {str(rule) for rule in app.url_map.iter_rules()}


def test_every_enqueued_job_can_be_imported() -> None:
    """The hotline enqueues by name, for it never imports the workers."""
    assert import_attribute(JOB) is Delivery.claim


@dataclass(frozen=True)
class Life:
    """How long a key lives: what keys.py must say beside it, and the seconds Redis must know."""

    words: str
    seconds: int | None = None  # None: no expiry


LIVES = {
    "vault": Life("for ever"),
    "notices:open": Life("for ever"),
    "notices:queues": Life("for ever"),
    "open": Life("for ever"),
    "notices:awaiting": Life('until "blocked" is said, or 3 days'),
    "notices:stuck": Life("until a person acts, or 90 days"),
    "unreadable": Life("while met within the last hour"),
    "banks:back": Life("until the sweep"),
    "banks:known": Life("for ever"),
    "suspended": Life("each until released"),
    "banks:answered": Life("for ever"),
    "places": Life("for ever"),
    "deadlines": Life("for ever"),
    "reports:disputed": Life("until somebody decides"),
    "journal": Life("moved to files (JOURNAL_IN_REDIS_DAYS), else JOURNAL_RETENTION_DAYS"),
    "archive": Life("for ever"),
    "counters": Life("for ever"),
    "texts:refused": Life("until Twilio takes a text, or 7 days", 7 * keys.DAY),
    "made_sure": Life("for ever"),
    "announcements": Life("until the last of them ends"),
    "sweep:alive": Life("15 s", 15),
    "call": Life("expires after an hour without a turn", 3600),
    "visit": Life("expires 20 minutes after its last request", 1200),
    "running": Life("expires 3 minutes after its last sign", 180),
    "holder": Life("kept until replaced"),
    "card": Life("kept until replaced"),
    "speaks": Life("expires a year after", 365 * keys.DAY),
    "phones": Life("kept until replaced"),
    "texting": Life("expires after half an hour", 1800),
    "answered": Life("expires after a day", keys.DAY),
    "texts_missed": Life("expires 24 hours after the first", keys.DAY),
    "texts_answered": Life("expires 24 hours after the first", keys.DAY),
    "told_unreported": Life("expires after 24 hours", keys.DAY),
    "loss": Life("Expires after the 7 days of a temporary report", 7 * keys.DAY),
    "block": Life("kept until unblocked, then retention", 1095 * keys.DAY),
    "blocks": Life("for ever"),
    "bank_health": Life("kept until it answers"),
    "block_times": Life("for ever"),
    "block_hour": Life("expires after 25 hours", 25 * 3600),
    "banks:failing": Life("until they answer"),
    "owed": Life("each until it is closed"),
    "in_flight": Life("Each until its lease ends"),
    "rq:queue": Life("each until it is heard"),
    "rq:job": Life("until it is heard"),
    "stuck": Life("each until it is not stuck"),
    "probe": Life("expires after 10 s", 10),
    "report": Life("expires after REPORT_RETENTION_DAYS", 1095 * keys.DAY),
    "plan": Life("expires after an hour", 3600),
    "request": Life("lives as long as its last report", 1095 * keys.DAY),
    "notice": Life("without end while open, 90 days once closed", 90 * keys.DAY),
    "attempts": Life("lives as long as the notice", 90 * keys.DAY),
    "notices_of": Life("expires 91 days after", 91 * keys.DAY),
    "slow": Life("Expires a year after it was chosen", 365 * keys.DAY),
    "callbacks": Life("each until it is taken"),
    "callbacks:taken": Life("each until it is done"),
    "callback": Life("expires 30 days after it was left", 30 * keys.DAY),
    "seen": Life("expires after 30 days", 30 * keys.DAY),
    "breaker": Life("15 minutes from when its condition last held", 15 * 60),
    "breaker:told": Life("until it closes"),
    "watched": Life("each for as long as the breaker looks back"),
    "keyed": Life("Expires 24 hours after the last", keys.DAY),
    "missed": Life("Expires 24 hours after the last", keys.DAY),
    "looked_up": Life("Expires 24 hours after the last", keys.DAY),
    "code_asked": Life("Expires 24 hours after the last", keys.DAY),
    "mistaken": Life("Expires 24 hours after the last", keys.DAY),
    "reported_by": Life("Expires 24 hours after the last", keys.DAY),
    "notices_to": Life("for ever"),
    "tested": Life("expires after 10 s", 10),
    "signature_faults": Life("expires 7 days after the last", 7 * keys.DAY),
    "heard": Life("expires after the minute it counts", 60),
    "asked": Life("expires after the minute it counts", 60),
}
OF_RQ = {"rq:queues", "rq:workers"}  # lists of names that do not grow
AT_MOST_SINCE = 120  # seconds since a key was written; a test ends sooner


def said_of_keys() -> dict[str, str]:
    """Each key, or the kind before its colon -> the comment or docstring that stands with it."""
    text = Path(keys.__file__).read_text(encoding="utf-8")
    constants = re.findall(r'^[A-Z_]+: Final = "([a-z:_]+)"(?:  # (.*))?$', text, re.M)
    functions = {
        str(part.value).rstrip(":"): ast.get_docstring(function) or ""
        for function in functions_in(ast.parse(text))
        for part in ast.walk(function.body[-1])
        if isinstance(part, ast.Constant) and str(part.value).islower()
    }
    return dict(constants) | functions


def test_every_key_says_beside_it_how_long_it_lives() -> None:
    said = said_of_keys()
    assert said.keys() == LIVES.keys()
    assert [key for key, life in LIVES.items() if life.words not in said[key]] == []


def check_lives(redis: Redis, *, without_end: set[str]) -> set[str]:
    """Every key in this Redis expires when it must, or not at all; returns the kinds found."""
    kinds = set()
    for key in map(plain, redis.scan_iter()):
        if key.startswith("rq:"):
            continue
        kind = key if key in LIVES else key.partition(":")[0]
        assert kind in LIVES, f"how long does {key} live?"
        seconds, left = LIVES[kind].seconds, redis.ttl(key)
        if seconds is None or kind in without_end or is_owed(redis, key):
            assert left == -1, f"{key} must not expire"
        else:
            assert max(seconds - AT_MOST_SINCE, 0) < left <= seconds, f"{key}: {left} s"
        kinds.add(kind)
    return kinds


def test_every_key_ends_or_says_why_not(app: Flask, redis: Redis) -> None:
    """After a whole call and both deliveries, and after all a bank can tell us later."""
    PhoneCall(Twilio(app)).to_report().presses("", "", "")
    Twilio(app).posts("/voice/status")
    texts_of_all_kinds(app)
    bank = Flask("bank")
    bank.add_url_rule("/n", "n", lambda: jsonify(status="blocked"), methods=["POST"])
    with served(bank) as url:
        deliver_all(app, f"{url}/n")
    found = check_lives(redis, without_end={"block"})
    left = [key.decode() for key in redis.scan_iter("rq:*") if redis.ttl(key) == -1]
    assert {key for key in left if "texts" not in key} <= OF_RQ | jobs_waiting(redis)

    (card,) = a_holder().cards
    Town(app).bank_tells(card, UNBLOCKED)
    found |= check_lives(redis, without_end=set())
    Town(app).bank_tells(card, FORMAL_LOSS)
    found |= check_lives(redis, without_end={"block", "loss"})
    fail_long_enough(hotline_of(app))
    hotline_of(app).text_line.fails("401")
    hotline_of(app).bank_notices.may_test("icbc")
    hotline_of(app).signature_faults.keep("icbc", "events", "signature_wrong", 0)
    Browser(app).enters()
    hotline_of(app).plans.keep(Plan((), "Li", "a prank"))
    hotline_of(app).calls.keep_slow(Caller("ref"), slow=True)
    wish = Callback("ref", "+8613800138000", "zh", "", "", "", int(hotline_of(app).outbox.now()))
    hotline_of(app).callbacks.leave(wish)
    PhoneCall(Twilio(app), OTHER_SID).dials().presses("1", "1", an_id_number(serial="110"))
    hotline_of(app).calls.save(Call("CA9", "report_tail"), mistake=Mistake("caller", "holder"))
    hotline_of(app).limiting.watch()
    clinic = settings("unix:///unused", subscribers=SUBSCRIBERS).subscribers["clinic"]
    hotline_of(app).card_checks.check(clinic, card.number)
    redis.hincrby(keys.COUNTERS, "lookup:missed", 100)
    sweep_of(hotline_of(app)).round()
    found |= check_lives(redis, without_end={"block", "loss"})
    assert found >= {kind for kind, life in LIVES.items() if life.seconds is not None}


def texts_of_all_kinds(app: Flask) -> None:
    """A question that waits, a stranger, and a call that ended too early."""
    twilio = Twilio(app)
    for number, sender in enumerate((a_holder().phone, "+8613900139009")):
        form = [("MessageSid", f"SM{number}"), ("From", sender), ("Body", "挂失")]
        twilio.posts("/sms", form)
    hotline_of(app).text_exchanges.save(
        "phone",
        "SM9",
        (),
        Question("SM9", "holder", "card", 1, "zh"),
        is_miss=False,
        is_counted=True,
    )
    told = Change(unreported="holder")
    assert hotline_of(app).cases.commit(told, hotline_of(app).cases.of_notice(""))


def fail_long_enough(hotline: Hotline) -> None:
    """The bank is paused, and its one probe is on the way."""
    long_ago = int(hotline.outbox.now()) - PAUSE_AFTER_SECONDS
    for _ in range(PAUSE_AFTER):
        for words in hotline.bank_health.count_failure("icbc", long_ago):
            hotline.redis.execute_command(*words)
    reading = hotline.cases.of_notice("")
    owed = Owed(NoticeKind.PING, "icbc", reading.now, {})
    assert hotline.cases.commit(Change(owes=(owed,)), reading)
    assert claimed(hotline)


def deliver_all(app: Flask, url: str) -> None:
    """What is owed to the bank is delivered as a worker does."""
    hotline = hotline_of(app)
    bank = hotline.settings.banks["icbc"].model_copy(update={"notice_url": url})
    client = BankClient(bank)
    deliver(hotline, a_delivery(hotline, bank_queue("icbc"), client, as_json))
    wait_for(client.close())
    block = hotline.redis.get(hotline.redis.keys("block:*")[0])
    assert b'"blocked"' in (block or b""), "delivered"


def is_owed(redis: Redis, key: str) -> bool:
    """A notice lives for as long as it is owed, and its attempts with it."""
    kind, _, notice_id = key.partition(":")
    owed = redis.zscore(keys.NOTICES_OPEN, notice_id) is not None
    return kind in ("notice", "attempts") and owed


def jobs_waiting(redis: Redis) -> set[str]:
    return {f"rq:job:{plain(job)}" for job in redis.lrange("rq:queue:texts", 0, -1)}


def test_every_key_in_the_code_is_named_in_one_place() -> None:
    """Nothing outside keys.py puts a key's name together."""
    kinds = re.findall(r'return f"(\w+):', Path(keys.__file__).read_text(encoding="utf-8"))
    assert len(kinds) > 8
    for path in modules("ivr", "workers"):
        if path.name != "keys.py":
            found = re.findall(rf'f"(?:{"|".join(kinds)}):\{{', path.read_text(encoding="utf-8"))
            assert found == [], named(path)

"""Reads the cases in Redis, each at one moment. What an act decides is written here alone.

One script commits a change. It first makes sure that nothing the act looked at has changed since.
So reading and committing take one round trip each, and nothing is locked. An answer that is lost
with the connection is never mistaken for a refusal.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Self, cast

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ivr.cards.acts.remind import FIRST_AFTER
from ivr.cards.acts.take import CHANNEL as BANK_CHANNEL
from ivr.cards.block import ENDED, Block, BlockState
from ivr.cards.case import Case
from ivr.cards.change import CardNews, Change, Entry, Reminder
from ivr.cards.loss import LossReport, ReportState, Suspension
from ivr.cards.notice import TEXTS, Attempt, Notice, NoticeKind
from ivr.store import keys
from ivr.store.assurance import OutcomeUnknownError
from ivr.store.bank_health import HEALTHY, BankHealth, Health, health_of
from ivr.store.block_times import TIMING, Times, timing
from ivr.store.codec import dump, load, place, plain, whole
from ivr.store.connection import OUTAGE, DurabilityGuard
from ivr.store.directory import reissuing
from ivr.store.doorbell import Command
from ivr.store.journal import Journal
from ivr.store.outbox import Outbox, load_notice
from ivr.store.scripts import ScriptCall, run_all
from ivr.store.sentinels import NotThePrimaryError
from ivr.store.unreadable import CALLS, naming, note_wrong_kinds, read, read_all
from ivr.store.vault import Vault

Guard = tuple[Sequence[str], bytes]  # a reading command, and what it said (b"" for nothing)

# Reads how a card stands; also part of the script that reads a turn. A record that Lua cannot
# decode is returned as it is, and decoding it in Python raises the error.
READ_CASE: Final = f"""
{CALLS}
local function field_of(text, place)
  local is_json, known = pcall(cjson.decode, text or '')
  local value = is_json and type(known) == 'table' and known[place]
  return type(value) == 'string' and value or ''
end
local function read_case(ref)
  local block = call('GET', '{keys.block("")}' .. ref)
  local number = field_of(block, {place(Block, "report_number")})
  local report = number ~= '' and call('GET', '{keys.report("")}' .. number)
  return {{ref, call('GET', '{keys.loss("")}' .. ref), block, report}}
end
"""
READ_NOTICE: Final = f"""
local function read_notice(id)
  local fields = call('HGETALL', '{keys.notice("")}' .. id)
  return {{id, fields, call('LRANGE', '{keys.attempts("")}' .. id, 0, -1)}}
end
"""
_READ: Final = f"""
{READ_CASE}
{READ_NOTICE}
local now, kind, name = redis.call('TIME')[1], ARGV[1], ARGV[2]
if kind == 'card' then
  local case = read_case(name)
  local said = ARGV[3] and call('MGET', unpack(ARGV, 3))
  return {{now, case, read_notice(field_of(case[3], {place(Block, "notice_id")})), said}}
elseif kind == 'notice' then
  local ref = call('HGET', '{keys.notice("")}' .. name, 'card_ref') or ''
  local bank = call('HGET', '{keys.notice("")}' .. name, 'bank') or ''
  local kind = call('HGET', '{keys.notice("")}' .. name, 'kind')
  local who = kind == '{NoticeKind.TEXT}' and '{TEXTS}' or bank
  local health = try('HMGET', '{keys.bank_health("")}' .. who, 'failures', 'since')
  return {{now, read_case(ref), read_notice(name), health}}
end
local report = call('GET', '{keys.report("")}' .. name)
local first = read_notice(field_of(report, {place(LossReport, "notice_id")}))
return {{now, read_case(field_of(report, {place(LossReport, "card_ref")})), first, report}}
"""

# ARGV: how many guards; for each guard how many words, the words of a reading command, and last
# what it must say; then for each writing command how many words, and its words. Of the keys it
# writes to, those in BESIDE are done without when they are of another kind: it answers which. Any
# other one is looked at before anything is written, since Redis takes back nothing of a script.
# The commands of TIMING are our own; they count beside the case too.
_COMMIT: Final = f"""
{CALLS}
{TIMING}
local beside = {{{", ".join(f"['{kind}'] = true" for kind in keys.BESIDE)}}}
local looks = {{
  HSET = 'HLEN', HINCRBY = 'HLEN', ZADD = 'ZCARD', ZREM = 'ZCARD', SADD = 'SCARD', RPUSH = 'LLEN',
  XADD = 'XLEN',
}}
local function words(at) return at + 1, at + tonumber(ARGV[at]) end
local at = 2
for _ = 1, tonumber(ARGV[1]) do
  local first, last = words(at)
  if (call(unpack(ARGV, first, last - 1)) or '') ~= ARGV[last] then return false end
  at = last + 1
end
local begin = at
while ARGV[at] do
  local first, last = words(at)
  local look, key = looks[ARGV[first]], ARGV[first + 1]
  if look and not beside[key] and not beside[string.match(key, '^[^:]*:')] then call(look, key) end
  at = last + 1
end
at = begin
while ARGV[at] do
  local first, last = words(at)
  local ours = timing[ARGV[first]]
  if ours then ours(unpack(ARGV, first + 1, last)) else try(unpack(ARGV, first, last)) end
  at = last + 1
end
return wrong
"""


@dataclass(frozen=True)
class Reading:
    """A case at one moment, and what must still be so when a change of it is committed.

    now: unix seconds by Redis' clock.
    notice: the notice that was asked for; for a card, the notice that its block belongs to.
    health: how whoever the notice goes to has answered lately.
    seen: the bank's event, when it came before.
    heard_lately: how many of the bank's events were written down within a minute.
    request: what the request that is being served has filed, as Redis has it; "" when it has not,
        or when nobody asked.
    reported: the holders that a caller has reported lately, as Redis has them.
    city: where the report's card is now; "" where nobody can say, or nobody asked.
    usual: how long the bank took lately, while it is waited for and answers; of a holder's cards.
    """

    now: int
    case: Case
    guards: tuple[Guard, ...]
    notice: Notice | None = None
    attempts: tuple[Attempt, ...] = ()
    health: Health = HEALTHY
    seen: "SeenEvent | None" = None
    heard_lately: int = 0
    request: str = ""
    report: LossReport | None = None
    reported: str = ""
    city: str = ""
    usual: Times | None = None

    @property
    def usual_seconds(self) -> float | None:
        """Within how many seconds the bank of this card's block usually confirms, if that is known
        and whoever waits for it has not waited for longer already.
        """
        report = self.case.report
        return self.usual.usual(self.now - report.reported_at) if self.usual and report else None

    @property
    def filed_before(self) -> bool:
        """Whether the request filed a report of this card."""
        return self.case.card_ref in self.request.split()

    @property
    def first_filed_at(self) -> int:
        """When it filed its first report of any card, unix seconds; 0 when it has not."""
        return whole(self.request.partition(" ")[0])

    def resting_on(self, *guards: Guard) -> Self:
        """The same reading; what is decided on it rests on more."""
        return replace(self, guards=(*self.guards, *guards))


@dataclass(frozen=True)
class SeenEvent:
    """A bank's event, how it ended and what it told (`BankEvent.digest`; "" if that was not kept),
    remembered so that it is heard only once.
    """

    bank: str
    event_id: str
    status: str
    told: str = ""


class Cases:
    """Reads cases and commits changes."""

    def __init__(
        self,
        redis: Redis,
        vault: Vault,
        outbox: Outbox,
        journal: Journal,
        health: BankHealth,
        durability: DurabilityGuard,
        *,
        retention_seconds: int,
    ) -> None:
        self._redis = redis
        self._vault = vault
        self._outbox = outbox
        self._journal = journal
        self._health = health
        self._durability = durability
        self._retention_seconds = retention_seconds
        self._read = redis.register_script(_READ)
        self._commit = redis.register_script(_COMMIT)

    def of_card(self, card_ref: str) -> Reading:
        """A card's case, with the notice its block belongs to."""
        now, case, notice, _ = self._ask("card", card_ref)
        with naming(self._redis):
            return with_notice(reading_of(now, case), notice)

    def of_filing(self, card_ref: str, channel: str, origin: str, caller_ref: str = "") -> Reading:
        """The same, what this very request filed before, and what its caller reported lately."""
        places = (self._request(channel, origin), keys.reported_by(caller_ref))
        now, case, notice, (filed, reported) = self._ask("card", card_ref, *places)
        with naming(self._redis):
            reading = with_notice(reading_of(now, case), notice)
        return replace(reading, request=plain(filed or ""), reported=plain(reported or ""))

    def of_event(self, card_ref: str, bank: str, event_id: str) -> Reading:
        """The same, and what is remembered of this event and of how many there were lately."""
        seen = keys.seen_event(bank, event_id)
        now, case, notice, remembered = self._ask("card", card_ref, seen, keys.heard_lately(bank))
        text, lately = remembered
        with naming(self._redis):
            reading = with_notice(reading_of(now, case), notice)
        guards = (*reading.guards, (("GET", seen), text or b""))
        known = _seen(bank, event_id, text)
        return replace(reading, guards=guards, seen=known, heard_lately=whole(lately))

    def of_notice(self, notice_id: str) -> Reading:
        """The case of the card a notice is about; a ping has an empty case."""
        now, case, notice, health = self._ask("notice", notice_id)
        with naming(self._redis):
            reading = with_notice(reading_of(now, case), notice)
        with suppress(ValueError):  # the sweep names one that cannot be read
            reading = replace(reading, health=health_of(health or (None, None), reading.now))
        return reading

    def of_report(self, number: str) -> Reading:
        """The case of the card a report is about, with that report and its first notice."""
        now, case, notice, text = self._ask("report", number)
        with naming(self._redis):
            reading = with_notice(reading_of(now, case), notice)
            report = None if text is None else read(LossReport, keys.report(number), text)
        guards = (*reading.guards, (("GET", keys.report(number)), text or b""))
        return replace(reading, guards=guards, report=report)

    def find_report(self, number: str) -> LossReport | None:
        """The report of a number, or None."""
        with naming(self._redis, keys.report(number)):
            text = self._redis.get(keys.report(number))
            return None if text is None else read(LossReport, keys.report(number), text)

    def disputed(self) -> list[LossReport]:
        """The reports whose holders object and on which nobody has decided, longest first."""
        with naming(self._redis, keys.REPORTS_DISPUTED):
            numbers = self._redis.zrange(keys.REPORTS_DISPUTED, 0, -1)
        places = [keys.report(plain(number)) for number in numbers]
        texts = self._redis.mget(places) if places else []
        return list(read_all(self._redis, LossReport, zip(places, texts, strict=True)))

    def seconds_left(self, card_ref: str) -> int | None:
        """How long Redis will keep a card suspended; None when it is not, or without end."""
        seconds = self._redis.ttl(keys.loss(card_ref))
        return None if seconds < 0 else seconds

    def event_ref(self, bank: str, event_id: str) -> str:
        """Stands for the id that a bank gave an event: it chose the words, and they may hold a
        number.
        """
        return self._vault.ref("event", f"{bank}:{event_id}")

    def find_seen(self, bank: str, event_id: str) -> SeenEvent | None:
        """What is remembered of a bank's event, or None."""
        return _seen(bank, event_id, self._redis.get(keys.seen_event(bank, event_id)))

    def count_heard(self, bank: str) -> int:
        """Counts one more of what a bank tells within a minute; -> how many there were."""
        with self._redis.pipeline() as pipe:
            for words in _counting_heard(bank):
                pipe.execute_command(*words)
            return int(pipe.execute()[0])

    def journal(self, entry: Entry) -> None:
        """Journals what changes nothing."""
        self._journal.note(entry)

    def commit(self, change: Change, reading: Reading, event: SeenEvent | None = None) -> bool:
        """Writes a whole change, and with it the bank's event that caused it.

        Returns False and writes nothing when what was read has changed, or when another report
        has the new report's number.

        Raises:
            redis.ConnectionError, redis.TimeoutError: it may be on disk, or not.
        """
        with naming(self._redis):
            return self._is_committed(self._commit(args=self._words(change, reading, event)))

    def commit_all(
        self, changes: Sequence[tuple[Change, Reading]], then: Sequence[ScriptCall] = ()
    ) -> tuple[list[bool], list[Any]]:
        """Writes several changes in one round trip, each whole or not at all, and runs more scripts
        after them. -> Which were written, and what the other scripts answered. A change that met a
        record of another kind was not written.

        Raises:
            redis.ConnectionError, redis.TimeoutError: any of them may be on disk, or not.
        """
        rung: set[str] = set()
        commits = [
            ScriptCall(self._commit, (), self._words(change, reading, rung=rung))
            for change, reading in changes
        ]
        found = run_all(self._redis, [*commits, *then])
        written = [self._is_committed(answer) for answer in found[: len(commits)]]
        return written, found[len(commits) :]

    def _is_committed(self, wrong: Any) -> bool:
        """What the script answered: the keys it did without, or None when it wrote nothing."""
        if wrong is None or isinstance(wrong, ResponseError):
            return False
        if isinstance(wrong, Exception):
            raise wrong
        with suppress(RedisError):  # it is committed, whatever breaks now
            note_wrong_kinds(self._redis, wrong)
        return True

    def file(self, change: Change, reading: Reading) -> bool:
        """Commits a new report, on a Redis that will keep it.

        Raises:
            UnsafeRedisError: this Redis could lose it; nothing was written.
            NotThePrimaryError: this is not the primary any more; nothing was written.
            OutcomeUnknownError: the connection broke meanwhile: it may be on record, or not.
        """
        self._durability.make_sure()
        try:
            return self.commit(change, reading)
        except NotThePrimaryError:
            raise
        except OUTAGE as error:
            raise OutcomeUnknownError from error

    def missing(self, reports: Sequence[LossReport]) -> set[str]:
        """The numbers of those reports that are not on record here. A report is there when its
        number is, of the same notice, or its notice (of a report that got another number).
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.mget([keys.report(report.number) for report in reports])
            for report in reports:
                pipe.exists(keys.notice(report.notice_id))
            texts, *notices = pipe.execute()
        rows = zip(reports, texts, notices, strict=True)
        return {
            report.number
            for report, text, has_notice in rows
            if not has_notice and not is_same(report, text)
        }

    def history(self) -> str:
        """Names what this Redis has written until now: another primary has another history."""
        return plain(self._redis.info("replication")["master_replid"])

    def _ask(self, kind: str, name: str, *more: str) -> list[Any]:
        with naming(self._redis):
            found = cast("list[Any]", self._read(args=[kind, name, *more]))
        return [*found, None][:4]

    def _words(
        self,
        change: Change,
        reading: Reading,
        event: SeenEvent | None = None,
        rung: set[str] | None = None,
    ) -> list[Any]:
        """A change as the arguments of the script. `rung`: see `Outbox.owe`."""
        guards = [*reading.guards, *self._guards_of_new(change, reading)]
        words: list[Any] = [len(guards)]
        for reads, said in guards:
            words += [len(reads) + 1, *reads, said]
        for command in self._commands(change, reading, event, set() if rung is None else rung):
            words += [len(command), *command]
        return words

    def _commands(
        self, change: Change, reading: Reading, event: SeenEvent | None, rung: set[str]
    ) -> Iterator[Command]:
        card_ref = reading.case.card_ref
        if change.suspension is not None:
            yield _suspension(card_ref, change.suspension, reading.now)
        if change.lifted:
            yield "DEL", keys.loss(card_ref)
        if change.block is not None:
            yield from self._block(change.block, reading.case.block)
        for report in (change.superseded, change.report):
            if report is not None:
                yield from self._report(report, reading)
        if (over := change.recorded) is not None:
            yield "SET", keys.report(over.number), dump(over), "EX", self._retention_seconds
        for owed in change.owes:
            yield from self._outbox.owe(owed, rung)
        if change.timed is not None:
            yield timing(change.timed)
        if change.notice is not None:
            yield from self._outbox.write(change.notice, reading.now)
            yield from self._health_of_whom_it_was_for(change, reading)
        if change.reminder is not None:
            yield _reminder(change.reminder)
        if change.counted is not None:
            by, text = change.counted.caller_ref, change.counted.text
            yield "SET", keys.reported_by(by), text, "EX", keys.DAY
        if change.reissue is not None:
            yield from reissuing(change.reissue, self._vault)
        if change.news is not None and change.news.city:
            yield _listed(card_ref, change.news)
        if change.unreported:
            yield "SET", keys.told_unreported(change.unreported), "1", "EX", keys.DAY
        for entry in change.journal:
            yield from self._journal.write(entry)
        if event is not None:
            yield from _remembering(event)

    def _block(self, block: Block, before: Block | None) -> Iterator[Command]:
        """A block is kept without end until it has ended. The bank's list and the reminder are
        written with it, where they have to change.
        """
        is_over = block.state in ENDED
        ends = ("EX", self._retention_seconds) if is_over else ()
        yield "SET", keys.block(block.card_ref), dump(block), *ends
        if is_over:
            yield "ZREM", keys.blocks(block.bank), block.card_ref
        elif before is None or (before.bank, before.state) != (block.bank, BlockState.NOTIFIED):
            # all scores are 0, so Redis sorts by name: pages need an order
            yield "ZADD", keys.blocks(block.bank), 0, block.card_ref
        is_waiting = before is not None and before.state is BlockState.NOTIFIED
        if block.notice_id and (block.state is BlockState.RECEIVED or not is_waiting):
            is_received = block.state is BlockState.RECEIVED
            at = block.changed_at + FIRST_AFTER if is_received else None
            yield _reminder(Reminder(block.notice_id, at))

    def _report(self, report: LossReport, reading: Reading) -> Iterator[Command]:
        """A new report gets a deadline. When it stops being active, it loses it, and nobody has to
        decide on an objection any more.
        """
        yield from _objection(report, reading)
        if not _is_new(report, reading):
            yield "SET", keys.report(report.number), dump(report), "KEEPTTL"
            if report.state is not ReportState.ACTIVE:
                yield "ZREM", keys.DEADLINES, report.number
            return
        ends = ("EX", self._retention_seconds)
        yield "SET", keys.report(report.number), dump(report), *ends
        filed = f"{reading.request or report.reported_at} {report.card_ref}"
        yield "SET", self._request(report.channel, report.origin), filed, *ends
        yield "ZADD", keys.DEADLINES, report.release_at, report.number
        if report.channel != BANK_CHANNEL:  # its holder has just spoken to us
            spoken = (keys.speaks(report.holder_ref), report.language)
            yield "SET", *spoken, "EX", keys.SPEAKS_SECONDS

    def _guards_of_new(self, change: Change, reading: Reading) -> list[Guard]:
        """A new report's number must not be another's, and its request must not have filed one
        already, nor one of another card since it was read. Of a call that ended too early a holder
        is told once a day.
        """
        if change.unreported:
            return [(("GET", keys.told_unreported(change.unreported)), b"")]
        if change.recorded is not None:
            return [(("GET", keys.report(change.recorded.number)), b"")]
        report = change.report
        if report is None or not _is_new(report, reading):
            return []
        return [
            (("GET", keys.report(report.number)), b""),
            (("GET", self._request(report.channel, report.origin)), reading.request.encode()),
        ]

    def _request(self, channel: str, origin: str) -> str:
        return keys.request(self._vault.ref("request", f"{channel}:{origin}"))

    def _health_of_whom_it_was_for(self, change: Change, reading: Reading) -> list[Command]:
        notice = change.notice.notice if change.notice else None
        if notice is None or change.answered is None:
            return []
        name = TEXTS if notice.kind is NoticeKind.TEXT else notice.bank
        attempt = change.notice.attempt if change.notice else None
        is_real = notice.kind not in (NoticeKind.PING, NoticeKind.TEST)
        answer = self._health.note_answer(name, attempt) if attempt and is_real else []
        if change.answered:
            return [*answer, *self._health.count_answer(name, reading.health)]
        return [*answer, *self._health.count_failure(name, reading.now)]


def _is_new(report: LossReport, reading: Reading) -> bool:
    """Whether it is put on record now; one that is not active any more never is."""
    return report.state is ReportState.ACTIVE and _before(report, reading) is None


def _before(report: LossReport, reading: Reading) -> LossReport | None:
    """The same report as it was read. A new one may have drawn a number that is taken, but its
    notice is its own.
    """
    read_ones = [known for known in (reading.report, reading.case.report) if known is not None]
    return next((known for known in read_ones if known.notice_id == report.notice_id), None)


def _objection(report: LossReport, reading: Reading) -> list[Command]:
    """Whether operators have to decide on an objection to this report, where that changes."""
    before = _before(report, reading)
    if report.disputed_at and report.state is ReportState.ACTIVE:
        return [("ZADD", keys.REPORTS_DISPUTED, report.disputed_at, report.number)]
    if before is not None and before.disputed_at:
        return [("ZREM", keys.REPORTS_DISPUTED, report.number)]
    return []


def reading_of(now: bytes | int, case: Sequence[Any]) -> Reading:
    """One case as READ_CASE answers it: reference, suspension, block, the block's report.

    Raises:
        UnreadableRecordError: one of them cannot be read.
    """
    ref, loss, block, report = [*case, None, None, None][:4]
    card_ref = plain(ref)
    known = None if block is None else read(Block, keys.block(card_ref), block)
    guards: list[Guard] = [
        (("GET", keys.loss(card_ref)), loss or b""),
        (("GET", keys.block(card_ref)), block or b""),
    ]
    if known is not None and known.report_number:
        guards.append((("GET", keys.report(known.report_number)), report or b""))
    suspension = None if loss is None else read(Suspension, keys.loss(card_ref), loss)
    number = known.report_number if known else ""
    belongs_to = None if report is None else read(LossReport, keys.report(number), report)
    return Reading(int(now), Case(card_ref, suspension, known, belongs_to), tuple(guards))


def is_same(report: LossReport, text: Any) -> bool:
    """Whether this is the record of that report, in whatever state. What cannot be read may be."""
    if text is None:
        return False
    try:
        return load(LossReport, text).notice_id == report.notice_id
    except ValueError:
        return True


def with_notice(reading: Reading, found: Sequence[Any]) -> Reading:
    """The reading with a notice; unchanged when there is none."""
    notice_id, flat, attempts = found
    if not flat:
        return reading
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    notice = load_notice(plain(notice_id), fields)
    written = ((keys.attempts(notice.id), text) for text in attempts)
    # A text's receipt may come before its attempt is written down.
    of_a_text = ("receipt",) if notice.kind is NoticeKind.TEXT else ()
    guards = tuple(
        (("HGET", keys.notice(notice.id), name), fields.get(name.encode(), b""))
        for name in ("state", "attempts_made", *of_a_text)
    )
    return replace(
        reading,
        notice=notice,
        attempts=tuple(read(Attempt, key, text) for key, text in written),
        guards=(*reading.guards, *guards),
    )


def _seen(bank: str, event_id: str, text: bytes | str | None) -> SeenEvent | None:
    return None if text is None else SeenEvent(bank, event_id, *plain(text).split(" ", 1))


def _remembering(event: SeenEvent) -> list[Command]:
    """Remembers an event, and counts it."""
    seen = keys.seen_event(event.bank, event.event_id)
    return [
        ("SET", seen, f"{event.status} {event.told}", "EX", keys.SEEN_EVENT_SECONDS),
        *_counting_heard(event.bank),
    ]


def _counting_heard(bank: str) -> list[Command]:
    """For the minute that began with the first one."""
    lately = keys.heard_lately(bank)
    return [("INCR", lately), ("EXPIRE", lately, keys.HEARD_LATELY_SECONDS, "NX")]


def _suspension(card_ref: str, suspension: Suspension, now: int) -> Command:
    """Redis ends a temporary suspension by itself; a formal one has no end."""
    end = suspension.release_at
    ends = () if end is None else ("EX", end - now)
    return ("SET", keys.loss(card_ref), dump(suspension), *ends)


def _listed(card_ref: str, news: CardNews) -> Command:
    """On its city's list while it is suspended; all scores are 0, so Redis sorts by name."""
    member = keys.suspended_card(news.city, card_ref)
    if news.kind in (NoticeKind.SUSPENDED, NoticeKind.FORMAL_LOSS):
        return ("ZADD", keys.SUSPENDED, 0, member)
    return ("ZREM", keys.SUSPENDED, member)


def _reminder(reminder: Reminder) -> Command:
    if reminder.at is None:
        return ("ZREM", keys.AWAITING, reminder.notice_id)
    return ("ZADD", keys.AWAITING, reminder.at, reminder.notice_id)

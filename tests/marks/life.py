"""Everything that can happen to the people with marks, and everything that can go wrong."""

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException

import click
from flask.testing import FlaskCliRunner

from app import create_app
from ivr.cards.bank_event import BLOCKED as BANK_BLOCKED
from ivr.cards.bank_event import FORMAL_LOSS, UNBLOCKED
from ivr.made_up import holder_rows
from ivr.store import keys
from ivr.store.cardholders_csv import COLUMNS
from tests.attack.forging import a_bank_get, a_bank_post, a_call, an_event
from tests.attack.phone import Door, Phone, Sent
from tests.attack.raw import exchange
from tests.faults.city import CHECKOUT, Process
from tests.marks.city import BLOCKED, TAKEN, MarkedCity, Observer
from tests.marks.people import NOT_IMPORTED, Person
from tests.marks.visitor import Visitor
from tests.workers.servers import answers, answers_and_closes

ID = "their ID number"
HEAR_ALL = ("",) * 4  # to the end of what is said
NOBODY = "is nobody"


class Life:
    """One after another. What was said to whom is kept for the search."""

    def __init__(self, city: MarkedCity, people: dict[str, Person], observer: Observer) -> None:
        self.city = city
        self.people = people
        self.observer = observer
        self.urls: list[str] = []
        self.told_callers: list[bytes] = []
        self.told_strangers: list[bytes] = []
        self.lists: dict[str, list[bytes]] = {bank: [] for bank in city.banks}
        self.told_operators: list[bytes] = []
        self.told_monitors: list[bytes] = []

    # Operators

    def types(self, *words: str, given: bytes = b"") -> None:
        """One `flask` command as a process of its own, whose input may hold numbers."""
        with subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", *words],
            cwd=CHECKOUT,
            env=self.city.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as command:
            self.observer.extra.append(command.pid)
            said, _ = command.communicate(given, timeout=60)
        self.told_operators.append(said)

    def imports_everybody(self) -> None:
        """Good lines, and bad ones of every kind; what is bad is told by its line."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(COLUMNS)
        for role, person in self.people.items():
            if role not in NOT_IMPORTED:
                lines.writerows(holder_rows(person.holder))
        row = holder_rows(self.people["stands on a bad line"].holder)[0]
        others = holder_rows(self.people["reports"].holder)[0]
        lines.writerows(bad_lines(row))
        lines.writerow([*row[:3], others[3], *row[4:]])  # somebody else's card
        broken = (",".join(row) + "\n").encode("gb18030") + ('"' + ",".join(row)).encode()
        self.types("cardholders", "import", "-", given=text.getvalue().encode() + broken)
        assert b"bad" in self.told_operators[-1], self.told_operators

    def operators_look(self) -> None:
        """All that they can ask, and what they mistype."""
        removed = self.people["is removed"].holder.id_number
        runner = create_app(self.city.settings).test_cli_runner()
        numbers = [key.rpartition(":")[2] for key in self._keys("report:*")]
        asked: list[tuple[str, ...]] = [
            ("reports", "show", number) for number in (*numbers, removed)
        ]
        asked += [
            ("notices", "list"),
            ("notices", "list", "--json"),
            ("notices", "list", "--stuck"),
        ]
        asked += [("notices", "list", "--since", removed)]
        asked += [("notices", "resend", "--bank", "icbc", "--since", "2020-01-01", "--again")]
        asked += [("keys", "rotate"), ("banks", "rotate", "icbc"), ("banks", "ping", removed)]
        for words in asked:
            said = runner.invoke(args=words)
            if removed not in words:  # click itself shows an argument that is none
                assert said.exception is None or said.exit_code == 1, (words, said.output)
                self.told_operators.append(said.output.encode())
        for given in (removed[:-1], f"{removed} {removed}", "张三"):
            said = runner.invoke(args=["cardholders", "remove"], input=f"{given}\n")
            self.told_operators.append(said.output.encode())
        self._number_is_typed(runner)
        self.types("cardholders", "remove", given=f"{removed}\n".encode())

    def _number_is_typed(self, runner: FlaskCliRunner) -> None:
        """Into every command that reads one from its input, and into each a wrong one."""
        person = self.people["reports"]
        card = person.holder.cards[0].number
        plan = ("--since", "2020-01-01", "--reason", "a prank", "--by", "Li")
        for group, command, *words in (
            ("audit", "holder"),
            ("audit", "card"),
            ("audit", "verify"),
            ("limits", "show"),
            ("limits", "forget"),
            ("reports", "disputed"),
            ("reports", "withdraw", "--caller", *plan),
        ):
            known = runner.app.cli.commands.get(group)
            if not isinstance(known, click.Group) or command not in known.commands:
                continue
            for given in (person.holder.id_number, card, person.calls_from, person.holder.name):
                said = runner.invoke(args=[group, command, *words], input=f"{given}\n")
                self.told_operators.append(said.output.encode())

    # Callers

    def call(self, role: str, *pressed: str, url: str = "") -> Phone:
        """One call; ID stands for this person's number."""
        person = self.people[role]
        phone = Phone(url or self.city.base_url, person.calls_from)
        with suppress(HTTPException, OSError):
            phone.dials()
            for keys_ in pressed:
                if not phone.target:
                    break
                phone.presses(person.keys if keys_ == ID else keys_)
            phone.hangs_up()
        phone.door.closes()
        self.urls += [sent.target for sent in phone.sent] + phone.targets
        self.told_callers += phone.answers
        return phone

    def everybody_calls(self) -> None:
        """Every path that leads through a number."""
        reports = ("2", "1", ID, "1", *HEAR_ALL, "1")
        assert "Reported. Number" in b" ".join(self.call("reports", *reports).answers).decode()
        self.call("reports", "2", "1", ID, "2", "9")  # already reported
        self.call("reports in Mandarin", "1", "1", ID, "9", "1", *HEAR_ALL)
        for menu in ("1", "2"):
            self.call("asks", "2", menu, ID, "9", "2", "*", "0")
        self.call("has three cards", "2", "1", ID, "2", "1", *HEAR_ALL, "1", "1", "1", *HEAR_ALL)
        self.call("has three cards", "1", "2", ID, "1", "9")
        for role in ("is a child", "has a formal loss", "has a locked card"):
            self.call(role, "2", "1", ID, "9", "0")
            self.call(role, "1", "2", ID, "9")
        for menu in ("1", "2"):
            self.call(NOBODY, "2", menu, ID, "1", ID, "1", ID, "0")
        for role in ("goes to the outlet", "is removed"):
            self.call(role, *reports)

    # Visitors of the website

    def visit(self, role: str, errand: str, *pages: str) -> Visitor:
        """Up to the proof, and what is asked for after it."""
        number = self.people[role].holder.id_number
        visitor = Visitor(self.city).opens("/card").opens(f"/card/{errand}/id")
        visitor.fills(f"/card/{errand}/id", id_number=number[:-1])
        visitor.fills(f"/card/{errand}/id", id_number=f" {number}1")
        visitor.fills(f"/card/{errand}/id", id_number=number)
        for wrong in (number, number[-6:], number[:6]):
            visitor.fills(f"/card/{errand}/proof", proof=wrong)
        visitor.fills(f"/card/{errand}/proof", proof=visitor.code)
        for page in pages:
            reports = re.findall(r'name="report" value="(\d+)"', visitor.opens(page).page)
            visitor.fills(page, card="1", report=reports[0] if reports else number)
        self.urls += visitor.leaves().urls
        self.told_callers += visitor.read
        return visitor

    def everybody_visits(self) -> None:
        """Every page, and numbers in fields that ask for none."""
        cards, check = "/card/report/cards", "/card/report/check"
        report = self.visit("visits the website", "report", cards, check)
        assert "Your report is on record" in report.page
        self.visit("visits the website", "status", "/card/status/cards")
        told = self.visit("visits the website", "not-me", "/card/not-me/check")
        assert "Your objection is on record" in told.page
        for role in ("asks", "is a child", "has a locked card", NOBODY):
            self.visit(role, "report", cards, check, "/card/status/cards")

    def callers_err(self) -> None:
        """Numbers keyed where none is asked for, in part, twice, and spoken."""
        number = self.people[NOBODY].keys
        for keys_ in (
            number[:-1],
            f"{number[:9]}*{number[9:]}",
            number[:15],
            f"{number}{number}",
            f"{number}#",
            f" {number}",
            number.replace("*", "x"),
        ):
            self.call(NOBODY, "2", "1", keys_, "*", keys_)
        self.call(NOBODY, number)
        self.call(NOBODY, "2", number, "1", "1", number)
        phone = self.call(NOBODY, "2", "1")
        base, said = self.city.base_url, {"SpeechResult": number, "Digits": number}
        door = Door(base)
        for target in (
            "/voice",
            "/voice/report_id?turn=2",
            "/voice/agent",
            "/voice/fallback",
            "/voice/status",
            "/voice/confirm?turn=9",
            "/voice/nowhere?turn=1",
        ):
            more = {**said, "ErrorCode": number, "DialCallStatus": number, "msg": number}
            self.told_callers.append(door.sends(a_call(base, target, **more)).body)
        for sent in phone.sent:  # all of it once more
            self.told_callers.append(door.sends(sent).body)
        door.closes()

    # Texts

    def text(self, sender: str, body: str, sid: str) -> bytes:
        """One text as Twilio brings it, of which nothing is kept."""
        door = Door(self.city.base_url)
        sent = a_call(self.city.base_url, "/sms", MessageSid=sid, From=sender, Body=body)
        answer = door.sends(sent).body
        door.closes()
        self.told_callers.append(answer)
        return answer

    def everybody_texts(self) -> None:
        """From the registered phone and from a stranger's: commands, whole numbers, and receipts
        that hold them.
        """
        person = self.people["texts"]
        holder, number = person.holder, person.holder.id_number
        bodies = (
            f"挂失{number}", f"LOST {number[:6]} {number[6:14]} {number[14:]}", number,
            f"状态 {holder.cards[0].number}", f"不是我 {holder.name}", holder.cards[0].bank_account,
            f"挂失 {number[-4:]}", "是", "状态", "不是我", "what",
        )  # fmt: skip
        for turn, body in enumerate(bodies):
            self.text(person.calls_from, body, f"SM{turn}")
        answers_ = [self.text(holder.phone, body, f"SM1{turn}") for turn, body in enumerate(bodies)]
        assert "已挂失，编号" in b" ".join(answers_).decode()
        door, base = Door(self.city.base_url), self.city.base_url
        for status in ("failed", "delivered", number):
            sent = a_call(base, "/sms/status?notice=ntc-1", MessageStatus=status, ErrorCode=number)
            self.told_strangers.append(door.sends(sent).body)
        door.closes()

    # Banks and Twilio

    def banks_misbehave(self) -> None:
        """They answer with what we told them, and refuse, and break off."""
        self._meets("is refused by the bank", 400)
        self._meets("meets a broken bank", 503)
        person = self.people["meets a silent bank"]
        echo = json.dumps(person.marks(), ensure_ascii=False).encode()
        for way in (
            answers_and_closes(echo),
            answers_and_closes(b"HTTP/1.1 200 OK\r\n" + echo),
            answers(302, echo, location="/" + person.holder.id_number),
            answers(200, b"x" * 70_000 + echo),
        ):
            for server in self.city.banks.values():
                server.reacts(way)
            self.call("meets a silent bank", "2", "1", ID, "1", *HEAR_ALL)
            time.sleep(0.3)
        for server in (*self.city.banks.values(), self.city.twilio):
            server.reacts(BLOCKED)
        self.city.twilio.reacts(TAKEN)

    def _meets(self, role: str, status: int) -> None:
        """Bank and Twilio say no, in our own words."""
        person = self.people[role]
        told = {
            "code": person.holder.id_number,
            "status": person.holder.name,
            "detail": person.marks(),
        }
        echo = json.dumps({**told, "message": f"To {person.holder.phone}"}, ensure_ascii=False)
        for server in (*self.city.banks.values(), self.city.twilio):
            server.reacts(answers(status, echo, retry_after="1"))
        self.call(role, "2", "1", ID, "1", *HEAR_ALL)
        time.sleep(0.5)

    def banks_tell(self, url: str = "") -> None:
        """Good events and bad ones about the marked."""
        holder = self.people["goes to the outlet"].holder
        card, door = holder.cards[0], Door(url or self.city.base_url)
        for bank in self.city.settings.banks:
            secret = self.city.settings.banks[bank].secrets[0].get_secret_value()
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            about = {"card_number": card.number, "at": at, "outlet": "7"}
            bodies = [
                json.dumps(part).encode() for part in (holder.id_number, [card.number], about)
            ]
            bodies += [holder.name.encode("gb18030"), holder.name.encode(), b"\xff" + bodies[0]]
            sent = [
                an_event(secret, bank, kind, about, event_id=f"{card.number}-{kind}")
                for kind in (UNBLOCKED, FORMAL_LOSS)
            ]
            for wrong in (holder.id_number, {"x": card.number}, holder.name):
                sent += [
                    an_event(secret, bank, kind, {**about, field: wrong})
                    for kind in (UNBLOCKED, BANK_BLOCKED, holder.id_number)
                    for field in ("card_number", "at", "outlet_", "report_number")
                ]
            sent += [a_bank_post(secret, bank, body) for body in bodies]
            sent += [an_event("whsec_" + "A" * 40, bank, UNBLOCKED, about)]
            self.told_strangers += [door.sends(one).body for one in sent]
            for query in ("", f"?after={card.number}", f"?{holder.id_number}"):
                asked = a_bank_get(secret, f"/banks/{bank}/blocks{query}")
                self.lists[bank].append(door.sends(asked).body)
        door.closes()

    # Strangers

    def strangers_ask(self) -> None:
        """Numbers in targets, headers and bodies that belong to nobody."""
        marks, door = list(self.people[NOBODY].marks().values()), Door(self.city.base_url)
        operators = Door(f"http://{self.city.operations}")
        for mark in filter(str.isascii, marks):
            for target in (
                f"/{mark}",
                f"/voice/{mark}",
                f"/banks/{mark}/events",
                f"/voice?x={mark}",
                f"/banks/icbc/{mark}",
                f"/metrics?{mark}",
                f"/readyz/{mark}",
            ):
                for method in ("GET", "POST", "PUT"):
                    sent = Sent(method, target, {"X-Id": mark, "Cookie": mark}, mark.encode())
                    self.told_strangers += [each.sends(sent).body for each in (door, operators)]
            for raw in (
                f"{mark}\r\n\r\n",
                f"GET /{mark} HTTP/9\r\n\r\n",
                f"{mark} / HTTP/1.1\r\n\r\n",
                f"POST / HTTP/1.1\r\nX: {mark}\r\n folded\r\n\r\n",
                f"GET / HTTP/1.1\r\n{mark}\r\n\r\n",
                f"POST /voice HTTP/1.1\r\nContent-Length: {mark}\r\n\r\n{mark}",
            ):
                exchange(self.city.base_url, raw.encode())
        big = ("ID=" + marks[1] + "&") * 5000
        door.sends(Sent("POST", "/voice", {"X-Twilio-Signature": "A" * 27 + "="}, big.encode()))
        for each in (door, operators):
            each.closes()

    # Faults

    def records_break(self) -> None:
        """A holder's record is of another kind, no record at all, or sealed elsewhere."""
        redis, role = self.city.hotline.redis, "has a broken record"
        place = keys.holder(self.city.hotline.vault.ref("id", self.people[role].holder.id_number))
        other = keys.holder(self.city.hotline.vault.ref("id", self.people["asks"].holder.id_number))
        whole, others = redis.dump(place), redis.get(other)
        for broken in (b"junk", b"", others or b""):
            redis.set(place, broken)
            self.call(role, "2", "1", ID, "1", "")
            self.call(role, "1", "2", ID)
        redis.delete(place)
        redis.rpush(place, b"of another kind")
        self.call(role, "2", "1", ID, "1", "")
        assert isinstance(whole, bytes)
        redis.restore(place, 0, whole, replace=True)
        self.call(role, "2", "1", ID, "1", "", "")

    def redis_goes(self) -> None:
        """In the middle of a call, and for all others."""
        role = "meets no Redis"
        phone = Phone(self.city.base_url, self.people[role].calls_from)
        phone.dials().presses("2", "1", self.people[role].keys)
        self.city.redis.kill()
        phone.presses("1").door.closes()
        self.call(role, "2", "1", ID)
        self.banks_tell()
        self.monitors_look()
        self.city.redis.start()
        self.urls += phone.targets
        self.told_callers += phone.answers
        self.city.wait_until_ready()
        self.call(role, "2", "1", ID, "1", *HEAR_ALL)

    def our_faults(self) -> None:
        """Errors that hold numbers, in a view, below it, and in the worker."""
        with self.city.another_web("tests.marks.broken_web") as url:
            self.call("meets a fault of ours", "2", "1", ID, "1", "", "", url=url)
            self.banks_tell(url)
            number = self.people["meets a fault of ours"].holder.id_number
            exchange(url, f"GET /falls?{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        log = self.city.folder / "broken_worker.log"
        module = "tests.marks.broken_worker"
        self.city.processes["worker"].kill()
        broken = Process("broken_worker", [sys.executable, "-m", module], self.city.environ, log)
        self.city.processes["broken_worker"] = broken
        broken.start()
        self.call("meets a fault of the worker", "2", "1", ID, "1", *HEAR_ALL)
        until = time.monotonic() + 20
        while "ValueError" not in broken.said() and time.monotonic() < until:
            time.sleep(0.05)
        assert "ValueError" in broken.said(), "the planted fault did not show"
        broken.kill()
        del self.city.processes["broken_worker"]
        self.city.processes["worker"].start()

    def monitors_look(self) -> None:
        """What monitoring reads."""
        for base, targets in (
            (self.city.base_url, ("/healthz", "/nowhere", "/banks/api")),
            (f"http://{self.city.operations}", ("/readyz", "/metrics")),
        ):
            door = Door(base)
            self.told_monitors += [door.sends(Sent("GET", t, {})).body for t in targets]
            door.closes()

    def _keys(self, pattern: str) -> list[str]:
        return [key.decode() for key in self.city.hotline.redis.scan_iter(match=pattern)]


def bad_lines(row: Sequence[str]) -> list[list[str]]:
    """A good line, made bad in every way: also with each value in its neighbour's place."""
    shifted = [[*row[n:], *row[:n]] for n in range(1, len(row))]
    doubled = [[*row[:n], row[n] + row[0], *row[n + 1 :]] for n in range(1, len(row))]
    check = [row[0][:-1] + ("1" if row[0][-1] != "1" else "2"), *row[1:]]
    return [*shifted, *doubled, check, list(row[:4]), [*row, *row], ["".join(row)]]

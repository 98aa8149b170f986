"""The operator's commands: import, generate, rotate; with a real server and real files."""

import csv
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from click.testing import Result
from cryptography.fernet import Fernet
from flask import Flask
from redis import Redis

from ivr.ciphers import SUITES, SuiteName
from ivr.made_up import cardholder_rows
from ivr.store import keys
from ivr.store.cardholders_csv import COLUMNS, check_phone
from ivr.store.codec import plain
from ivr.store.connection import connect
from ivr.store.export import Export
from ivr.store.holders import BATCH, Holders
from ivr.store.journal import Journal
from ivr.store.outbox import Outbox
from ivr.store.removal import Removal
from ivr.store.roster import Roster
from ivr.store.vault import Vault
from ivr.web.commands.cardholders import RecordTools, add_record_commands
from tests.store.records import everything, held

HEADER = ",".join(COLUMNS)
OLD_KEY, NEW_KEY = (Fernet.generate_key().decode() for _ in range(2))


@dataclass
class Operator:
    """Somebody at a shell of the hotline's machine."""

    redis: Redis
    keys: tuple[str, ...] = (OLD_KEY,)
    crypto: SuiteName = "aes"

    @property
    def records(self) -> Holders:
        return Holders(self.redis, self.vault)

    @property
    def vault(self) -> Vault:
        return Vault(self.redis, self.keys, self.crypto)

    def types(self, *words: str | Path, stdin: bytes | None = None) -> Result:
        app = Flask("hotline")
        clock = Outbox(self.redis, self.vault, Journal(self.redis, 0)).now
        add_record_commands(app, self.tools(clock))
        result = app.test_cli_runner().invoke(args=[str(word) for word in words], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def tools(self, clock: Callable[[], float]) -> RecordTools:
        roster = Roster(self.redis, self.vault)
        journal = Journal(self.redis, 0)
        removal = Removal(self.redis, self.vault, journal)
        outbox = Outbox(self.redis, self.vault, journal)
        export = Export(self.vault, self.records, removal, outbox, journal)
        banks = ("icbc", "ccb")
        return RecordTools(self.records, self.vault, roster, removal, export, banks, clock)

    def holders(self) -> int:
        return len(self.redis.keys("holder:*"))


@pytest.fixture
def operator(redis: Redis) -> Operator:
    return Operator(redis)


@pytest.fixture
def nobody_listening(tmp_path: Path) -> Iterator[Redis]:
    with connect(f"unix://{tmp_path}/no.sock") as redis:
        yield redis


def rows(count: int, seed: int = 1) -> list[str]:
    return [",".join(row) for row in cardholder_rows(Random(seed), count, ["icbc", "ccb"])]


def write(path: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path.write_bytes("".join(f"{each}\n" for each in (header, *lines)).encode(encoding))
    return path


class TestImport:
    def test_a_good_file(self, operator: Operator, tmp_path: Path) -> None:
        file = write(tmp_path / "good.csv", *rows(50))
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 0
        assert result.stdout.startswith("good 50 (unchanged 0), bad 0, ")
        assert result.stdout.endswith(" lines/s\n")
        assert result.stderr == ""
        number = rows(1)[0].split(",")[0]
        holder = held(operator.records, operator.vault.ref("id", number))
        assert holder is not None
        assert holder.id_number == number

    def test_again_changes_nothing(self, operator: Operator, tmp_path: Path) -> None:
        file = write(tmp_path / "good.csv", *rows(50))
        operator.types("cardholders", "import", file)
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 0
        assert "good 50 (unchanged 50), bad 0" in result.stdout

    def test_it_says_how_many_cards_changed_their_city(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        """So that a mistake in that column is seen; the right file mends it."""
        cards = [row.split(",") for row in rows(3)]
        moved = [",".join([*card[:6], "990101", *card[7:]]) for card in cards[:2]]
        files = write(tmp_path / "was.csv", *rows(3)), write(tmp_path / "is.csv", *moved)
        assert "city" not in operator.types("cardholders", "import", files[0]).stdout
        for file in reversed(files):
            result = operator.types("cardholders", "import", file)
            assert result.exit_code == 0
            assert result.stdout.endswith("2 cards are in another city than before\n")

    def test_bad_lines_are_listed_and_the_good_ones_go_in(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        good = rows(3)
        wrong = good[1].replace("icbc", "boc").replace("ccb", "boc")
        other_owner = ",".join([*rows(1, seed=2)[0].split(",")[:3], *good[0].split(",")[3:]])
        file = write(tmp_path / "mixed.csv", good[0], wrong, "", other_owner, good[2])
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 1
        assert "good 2 (unchanged 0), bad 2" in result.stdout
        assert result.stderr.splitlines() == [
            "line 3: bank is none of ccb, icbc",
            "line 5: card_number belongs to another holder",
        ]
        assert operator.holders() == 2

    def test_a_phone_nobody_can_read_is_named_and_its_card_goes_in(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        good = rows(3)
        values = good[1].split(",")
        number, phone = values[0], values[2]
        values[2] = "无"
        file = write(tmp_path / "phones.csv", good[0], ",".join(values), good[2])
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 1
        assert "good 3 (unchanged 0), bad 0" in result.stdout
        assert "1 of the good lines went in without their phone" in result.stdout
        assert result.stderr.startswith(
            "line 3: goes in without its phone: phone is not a mainland"
        )

        def phone_on_record() -> str | None:
            holder = held(operator.records, operator.vault.ref("id", number))
            return None if holder is None else holder.phone

        assert phone_on_record() == ""
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *good))
        assert phone_on_record() == check_phone(phone)
        operator.types("cardholders", "import", file)
        assert phone_on_record() == check_phone(phone), "one that was read is not taken away"

    def test_with_a_byte_order_mark(self, operator: Operator, tmp_path: Path) -> None:
        file = write(tmp_path / "bom.csv", *rows(3), encoding="utf-8-sig")
        assert operator.types("cardholders", "import", file).exit_code == 0

    def test_every_kind_of_line_end(self, operator: Operator, tmp_path: Path) -> None:
        file = tmp_path / "ends.csv"
        good = rows(3)
        file.write_bytes(f"{HEADER}\r\n{good[0]}\r{good[1]}\nbad\r\n{good[2]}".encode())
        result = operator.types("cardholders", "import", file)
        assert "good 3 (unchanged 0), bad 1" in result.stdout
        assert result.stderr == "line 4: has 1 values instead of 8\n"

    def test_from_a_pipe(self, operator: Operator) -> None:
        stdin = "\n".join([HEADER, *rows(4)]).encode()
        assert operator.types("cardholders", "import", "-", stdin=stdin).exit_code == 0
        assert operator.holders() > 1

    def test_lines_in_another_encoding(self, operator: Operator, tmp_path: Path) -> None:
        file = write(tmp_path / "gbk.csv", *rows(2), encoding="gbk")
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 1
        assert result.stderr == "line 2: is not UTF-8 text\nline 3: is not UTF-8 text\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_another_kind_of_file(self, operator: Operator, tmp_path: Path, encoding: str) -> None:
        file = write(tmp_path / "other.csv", *rows(2), header="name,phone", encoding=encoding)
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"Error: {file}: the first line lacks id_number")
        assert result.stderr.count("\n") == 1
        assert operator.holders() == 0

    def test_no_file_and_an_empty_one(self, operator: Operator, tmp_path: Path) -> None:
        empty = tmp_path / "empty.csv"
        empty.touch()
        assert operator.types("cardholders", "import", tmp_path / "none.csv").exit_code == 2
        assert operator.types("cardholders", "import", tmp_path).exit_code == 2
        result = operator.types("cardholders", "import", empty)
        assert result.exit_code == 2
        assert "is empty" in result.stderr

    def test_no_id_number_is_ever_shown(self, operator: Operator, tmp_path: Path) -> None:
        shifted = [row.replace(",", "", 1) for row in rows(5)]
        swapped = [",".join(reversed(row.split(","))) for row in rows(5)]
        file = write(tmp_path / "bad.csv", *shifted, *swapped)
        result = operator.types("cardholders", "import", file)
        assert "bad 10" in result.stdout
        for row in rows(5):
            assert row[:14] not in result.output
            assert row[6:14] not in result.output

    def test_more_than_one_batch_with_bad_lines_between(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        lines = [row for good in rows(BATCH + 10) for row in (good, "bad")]
        result = operator.types("cardholders", "import", write(tmp_path / "long.csv", *lines))
        assert f"good {BATCH + 10} (unchanged 0), bad {BATCH + 10}" in result.stdout


class TestGenerate:
    def test_what_is_generated_can_be_imported(self, operator: Operator, tmp_path: Path) -> None:
        file = tmp_path / "people.csv"
        operator.types("cardholders", "generate", "120", "--output", file)
        result = operator.types("cardholders", "import", file)
        assert result.exit_code == 0
        assert "good 120 (unchanged 0), bad 0" in result.stdout

    def test_the_same_seed_gives_the_same_file(self, operator: Operator) -> None:
        def generated(seed: str) -> str:
            return operator.types("cardholders", "generate", "45", "--seed", seed).stdout

        assert generated("7") == generated("7") != generated("8")

    def test_header_and_lines(self, operator: Operator) -> None:
        lines = operator.types("cardholders", "generate", "45").stdout.splitlines()
        assert lines[0] == HEADER
        assert len(lines) == 46
        assert {row["bank"] for row in csv.DictReader(lines)} == {"icbc", "ccb"}

    def test_at_the_banks_asked_for(self, operator: Operator) -> None:
        words = ("cardholders", "generate", "20", "--banks", "abc, boc")
        lines = operator.types(*words).stdout.splitlines()
        assert {row["bank"] for row in csv.DictReader(lines)} == {"abc", "boc"}
        assert operator.types(*words[:-1], " ,").exit_code == 2


class TestRotate:
    @pytest.mark.parametrize("crypto", SUITES)
    def test_afterwards_the_new_key_is_enough(
        self, operator: Operator, tmp_path: Path, crypto: SuiteName
    ) -> None:
        operator.crypto = crypto
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(50)))
        count = operator.holders()
        operator.keys = (NEW_KEY, OLD_KEY)
        result = operator.types("keys", "rotate")
        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "vault: 1 resealed, 0 were so already",
            f"holder: {count} resealed, 0 were so already",
            "callback: 0 resealed, 0 were so already",
            "notice: 0 resealed, 0 were so already",
            "All that is sealed is under the newest of DATA_KEYS.",
        ]
        again = operator.types("keys", "rotate")
        assert f"holder: 0 resealed, {count} were so already" in again.stdout
        operator.keys = (NEW_KEY,)
        number = rows(1)[0].split(",")[0]
        assert held(operator.records, operator.vault.ref("id", number)) is not None

    def test_notices_open_and_closed_too(self, operator: Operator) -> None:
        """So that the old key can be dropped, and is not needed for 90 days."""
        for notice_id in ("ntc-1", "ntc-2"):
            place = keys.notice(notice_id)
            operator.redis.hset(place, "sealed_body", operator.vault.seal("word", place))
        operator.redis.expire(keys.notice("ntc-2"), 1000)
        operator.keys = (NEW_KEY, OLD_KEY)
        result = operator.types("keys", "rotate")
        assert "notice: 2 resealed" in result.stdout
        alone = Vault(operator.redis, [NEW_KEY])
        for notice_id in ("ntc-1", "ntc-2"):
            place = keys.notice(notice_id)
            assert alone.unseal(operator.redis.hget(place, "sealed_body") or b"", place) == "word"
        assert operator.redis.ttl(keys.notice("ntc-1")) == -1
        assert 0 < operator.redis.ttl(keys.notice("ntc-2")) <= 1000

    def test_a_record_that_does_not_open_is_named_and_stops_no_other(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(5)))
        count = operator.holders()
        operator.redis.set("holder:odd", "unsealed")
        operator.redis.rpush("holder:list", "x")
        operator.keys = (NEW_KEY, OLD_KEY)
        result = operator.types("keys", "rotate")
        assert result.exit_code == 1
        assert {line.split()[0] for line in result.stderr.splitlines()} == {
            "holder:odd", "holder:list",
        }  # fmt: skip
        assert f"holder: {count} resealed" in result.stdout
        assert "All that is sealed" not in result.stdout
        operator.keys = (NEW_KEY,)
        number = rows(1)[0].split(",")[0]
        assert held(operator.records, operator.vault.ref("id", number)) is not None

    @pytest.mark.parametrize("kind", ["web", "worker", "clock"])
    def test_it_refuses_while_a_running_process_lacks_the_new_key(
        self, operator: Operator, tmp_path: Path, kind: str
    ) -> None:
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(5)))
        before = everything(operator.redis)
        Roster(operator.redis, operator.vault).publish(kind)
        operator.keys = (NEW_KEY, OLD_KEY)
        result = operator.types("keys", "rotate")
        assert result.exit_code == 3
        assert f"{kind}:{socket.gethostname()}:{os.getpid()}" in result.stderr
        (said,) = operator.redis.keys("running:*")
        assert OLD_KEY not in str(operator.redis.get(said))
        assert 0 < operator.redis.ttl(said) <= keys.RUNNING_SECONDS
        operator.redis.delete(said)
        assert everything(operator.redis) == before

        Roster(operator.redis, Vault(operator.redis, (NEW_KEY, OLD_KEY))).publish(kind)
        assert operator.types("keys", "rotate").exit_code == 0

    def test_it_refuses_while_a_running_process_still_seals_with_the_old_key(
        self, operator: Operator, tmp_path: Path
    ) -> None:
        """What it seals afterwards would be lost with that key."""
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(5)))
        Roster(operator.redis, Vault(operator.redis, (OLD_KEY, NEW_KEY))).publish("web")
        before = everything(operator.redis)
        operator.keys = (NEW_KEY, OLD_KEY)
        result = operator.types("keys", "rotate")
        assert result.exit_code == 3
        assert f"web:{socket.gethostname()}:{os.getpid()}" in result.stderr
        assert "Restart them with the DATA_KEYS and the CRYPTO that this" in result.stderr
        assert everything(operator.redis) == before

    def test_another_suite_with_the_same_key(self, operator: Operator, tmp_path: Path) -> None:
        """Refused while a process seals with the other one; the holders stay who they are."""
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(5)))
        number = rows(1)[0].split(",")[0]
        ref = operator.vault.ref("id", number)
        Roster(operator.redis, operator.vault).publish("web")
        operator.crypto = "gm"
        assert operator.types("keys", "rotate").exit_code == 3
        Roster(operator.redis, operator.vault).publish("web")
        assert operator.types("keys", "rotate").exit_code == 0
        assert operator.vault.ref("id", number) == ref
        assert held(operator.records, ref) is not None
        assert "\x03" in plain(operator.redis.get(keys.holder(ref)))

    def test_without_the_old_key(self, operator: Operator, tmp_path: Path) -> None:
        operator.types("cardholders", "import", write(tmp_path / "good.csv", *rows(5)))
        operator.keys = (NEW_KEY,)
        for words in (("keys", "rotate"), ("cardholders", "import", tmp_path / "good.csv")):
            result = operator.types(*words)
            assert result.exit_code == 3
            assert result.stderr.startswith("Error: vault is opened by none of DATA_KEYS")
            assert result.stderr.count("\n") == 1


class TestRedisDown:
    def test_one_clear_line(self, nobody_listening: Redis, tmp_path: Path) -> None:
        file = write(tmp_path / "good.csv", *rows(5))
        operator = Operator(nobody_listening)
        for words in (("cardholders", "import", file), ("keys", "rotate")):
            result = operator.types(*words)
            assert result.exit_code == 3
            assert result.stdout == ""
            assert result.stderr.startswith("Error: Redis does not answer (")
            assert result.stderr.count("\n") == 1

    def test_a_full_redis_quotes_no_record(self, operator: Operator, tmp_path: Path) -> None:
        file = write(tmp_path / "good.csv", *rows(5))
        operator.types("cardholders", "import", file)
        fresh = write(tmp_path / "fresh.csv", *rows(5, seed=2))
        operator.redis.config_set("maxmemory", "1")
        try:
            result = operator.types("cardholders", "import", fresh)
        finally:
            operator.redis.config_set("maxmemory", "0")
        assert result.exit_code == 3
        assert result.stderr.startswith("Error: Redis refused (")
        assert "gAAAA" not in result.output
        assert "holder:" not in result.output

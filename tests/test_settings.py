"""Settings: everything wrong is said at once, and no secret ever is."""

import base64
import os
from pathlib import Path

import pytest

from ivr.settings import Settings, SettingsError, embedded_socket, read_settings
from tests.builders import BANKS, a_secret, settings

GOOD_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
SECRET = "whsec_" + base64.b64encode(b"a bank's secret of 32 bytes long").decode()
PASSWORD = "geheim-4711"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment that can be used."""
    banks = tmp_path / "banks.toml"
    banks.write_text(BANKS, encoding="utf-8")
    return {
        "PUBLIC_BASE_URL": "https://hotline.example", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": PASSWORD, "TWILIO_FROM_NUMBER": "+8612333", "BANKS_FILE": str(banks),
        "ICBC_SECRETS": SECRET, "CCB_SECRETS": a_secret(), "DATA_KEYS": GOOD_KEY,
        "AGENT_NUMBER": "+861012333", "AGENT_HOURS": "mon-fri 08:30-17:30",
    }  # fmt: skip


def problems(environ: dict[str, str], **changes: str) -> list[str]:
    """What is wrong; fails when nothing is."""
    with pytest.raises(SettingsError) as raised:
        read_settings(environ | changes)
    for secret in filter(None, (*environ["DATA_KEYS"].split(","), SECRET, PASSWORD)):
        assert secret not in str(raised.value)
    return raised.value.problems


def problem(environ: dict[str, str], **changes: str) -> str:
    (only,) = problems(environ, **changes)
    return only


def test_a_usable_environment(environ: dict[str, str]) -> None:
    found = read_settings(environ)

    assert (found.port, found.loss_report_seconds) == (8000, 604_800)
    assert not found.hotline_development
    assert (list(found.banks), found.banks["icbc"].name["zh"]) == (["icbc", "ccb"], "工商银行")
    assert found.redis_location == f"unix://{embedded_socket(Path('var'))}"
    assert read_settings(environ | {"REDIS_URL": "redis://r:1/0"}).redis_location == "redis://r:1/0"


def test_an_empty_environment_lists_everything_that_is_missing() -> None:
    needed = [name.upper() for name, field in Settings.model_fields.items() if field.is_required()]

    said = problems({"DATA_KEYS": ""})
    assert [line.partition(":")[0] for line in said] == needed
    assert all(line.endswith("is not set") for line in said)
    assert {"TWILIO_AUTH_TOKEN", "DATA_KEYS", "BANKS_FILE", "PUBLIC_BASE_URL"} <= set(needed)


def test_ciphers_that_nobody_knows(environ: dict[str, str]) -> None:
    assert read_settings(environ).crypto == "aes"
    assert read_settings(environ | {"CRYPTO": "gm"}).crypto == "gm"
    assert problem(environ, CRYPTO="des") == "CRYPTO: Input should be 'aes' or 'gm'"


def test_only_the_hotlines_own_switch_allows_a_weak_redis(environ: dict[str, str]) -> None:
    """Other programs' environments have a DEVELOPMENT too."""
    assert not read_settings(environ | {"DEVELOPMENT": "1"}).hotline_development
    assert read_settings(environ | {"HOTLINE_DEVELOPMENT": "1"}).hotline_development


@pytest.mark.parametrize(
    ("loss", "kept", "is_fine"),
    [("7", "37", True), ("7", "36", False), ("30", "60", True), ("30", "30", False)],
)
def test_reports_are_kept_longer_than_they_last(
    environ: dict[str, str], loss: str, kept: str, is_fine: bool
) -> None:
    """Its record must be there when a suspension ends, or bank and holder never hear of it."""
    days = {"LOSS_REPORT_DAYS": loss, "REPORT_RETENTION_DAYS": kept}
    if is_fine:
        assert read_settings(environ | days).report_retention_days == int(kept)
    else:
        said = problem(environ, **days)
        assert said.startswith(f"REPORT_RETENTION_DAYS: must be at least {int(loss) + 30}")


def test_the_journal_does_not_stay_in_redis_beyond_its_life(environ: dict[str, str]) -> None:
    days = {"JOURNAL_RETENTION_DAYS": "40", "JOURNAL_IN_REDIS_DAYS": "40"}
    assert read_settings(environ | days).journal_in_redis_days == 40
    said = problem(environ, **days | {"JOURNAL_IN_REDIS_DAYS": "41"})
    assert said == "JOURNAL_IN_REDIS_DAYS: must not be more than JOURNAL_RETENTION_DAYS"


def test_who_keeps_the_older_journal(environ: dict[str, str], tmp_path: Path) -> None:
    """The machine of the embedded server; beside any other Redis who is told to."""
    beside = read_settings(environ | {"DATA_DIR": "var"})
    assert beside.archive_place == Path("var/archive")
    embedded = {"REDIS_URL": beside.redis_location}
    assert read_settings(environ | embedded).archive_place == Path("var/archive")
    many = environ | {"REDIS_URL": "redis://r:1/0"}
    assert read_settings(many).archive_place is None
    told = {"ARCHIVE_DIR": str(tmp_path)}
    assert read_settings(many | told).archive_place == tmp_path
    assert "must be a directory" in problem(many, ARCHIVE_DIR=str(tmp_path / "no"))


def test_all_problems_are_reported_together(environ: dict[str, str]) -> None:
    said = problems(
        environ, PUBLIC_BASE_URL="hotline.example", TWILIO_ACCOUNT_SID="AC1", DATA_KEYS="short",
        AGENT_HOURS="never", PORT="http", ICBC_SECRETS="", CCB_SECRETS="whsec_x",
    )  # fmt: skip

    assert [line.partition(":")[0] for line in said] == [
        "PUBLIC_BASE_URL", "TWILIO_ACCOUNT_SID", "DATA_KEYS", "AGENT_HOURS", "PORT",
        "BANKS_FILE [banks.icbc] secrets", "BANKS_FILE [banks.ccb] secrets",
    ]  # fmt: skip


def test_only_the_given_environment_is_read(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_NUMBER", "+8612333")
    monkeypatch.setenv("BANKS", "nonsense")
    monkeypatch.setenv("PORT", "1")
    del environ["AGENT_NUMBER"]

    assert problem(environ) == "AGENT_NUMBER: is not set"
    assert read_settings(environ | {"AGENT_NUMBER": "12333"}).port == 8000


def test_the_processes_own_environment_is_read_by_default(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert read_settings() == read_settings(environ)


def test_no_secret_shows_in_a_repr(environ: dict[str, str]) -> None:
    shown = repr(read_settings(environ | {
        "REDIS_URL": f"redis://:{PASSWORD}@r/0", "PUBLIC_BASE_URL": f"https://u:{PASSWORD}@h"
    }))  # fmt: skip
    for secret in (PASSWORD, SECRET, GOOD_KEY):
        assert secret not in shown


@pytest.mark.parametrize(
    "url",
    ["hotline.example", "ftp://h", "https://", "https://h?x=1", "https://h#x", "https://h:port",
     "https://h:99999", "https://[::1", "/voice"],
)  # fmt: skip
def test_public_base_urls_that_cannot_be_used(environ: dict[str, str], url: str) -> None:
    assert problem(environ, PUBLIC_BASE_URL=url).startswith("PUBLIC_BASE_URL: ")


def test_a_base_url_loses_its_last_slash(environ: dict[str, str]) -> None:
    found = read_settings(environ | {"PUBLIC_BASE_URL": "https://h.example/ivr/"})
    assert found.public_base_url == "https://h.example/ivr"


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://bank.example/n", True),
        ("http://127.0.0.1:9/n", True),
        ("http://localhost/n", True),
        ("http://[::1]:9/n", True),
        ("http://bank.example/n", False),
        ("http://127.0.0.1.evil.example/n", False),
        ("http://localhost@evil.example/n", False),
        ("ftp://127.0.0.1/n", False),
        ("bank.example", False),
        ("https://bank.example:x/n", False),
    ],
)
def test_secrets_and_personal_data_go_over_https_or_stay_here(
    environ: dict[str, str], tmp_path: Path, url: str, is_fine: bool
) -> None:
    banks = tmp_path / "other.toml"
    banks.write_text(BANKS.replace("http://127.0.0.1:9/notices", url), encoding="utf-8")

    if is_fine:
        assert read_settings(environ | {"BANKS_FILE": str(banks), "TWILIO_API_BASE": url})
    else:
        said = problems(environ, BANKS_FILE=str(banks), TWILIO_API_BASE=url)
        assert [line.partition(":")[0] for line in said] == [
            "TWILIO_API_BASE", "BANKS_FILE [banks.icbc] notice_url",
            "BANKS_FILE [banks.ccb] notice_url",
        ]  # fmt: skip


def test_a_banks_secrets_while_they_are_changed(environ: dict[str, str]) -> None:
    new = a_secret()
    bank = read_settings(environ | {"ICBC_SECRETS": f" {new} , {SECRET}, "}).banks["icbc"]
    assert [secret.get_secret_value() for secret in bank.secrets] == [new, SECRET]


@pytest.mark.parametrize(
    "listed",
    ["whsec_", "whsec_!!!!", "whsec_" + base64.b64encode(b"x" * 23).decode(),
     "whsec_" + base64.b64encode(b"x" * 65).decode(), SECRET.removeprefix("whsec_"),
     f"{SECRET},whsec_x", "whsec_" + base64.b64encode(bytes(32)).decode()],
)  # fmt: skip
def test_secrets_that_are_none(environ: dict[str, str], listed: str) -> None:
    said = problem(environ, ICBC_SECRETS=listed)
    assert said == (
        "BANKS_FILE [banks.icbc] secrets: "
        "a secret must be whsec_ and the base64 of 24 to 64 random bytes"
    )


@pytest.mark.parametrize("other", [SECRET, f"{a_secret()},{SECRET}"])
def test_two_banks_never_share_a_secret(environ: dict[str, str], other: str) -> None:
    """Either could sign the other's events."""
    assert problem(environ, CCB_SECRETS=other) == (
        "BANKS_FILE [banks.ccb] secrets: one of them is a secret of icbc too"
    )


@pytest.mark.parametrize(
    "keys",
    ["x", f"{GOOD_KEY},", f"{GOOD_KEY},é", GOOD_KEY[:-4],
     base64.urlsafe_b64encode(bytes(32)).decode()],
)  # fmt: skip
def test_data_keys_that_are_none(environ: dict[str, str], keys: str) -> None:
    assert "is not the url-safe base64 of 32 random bytes" in problem(environ | {"DATA_KEYS": keys})


@pytest.mark.parametrize("token", [" ", "\t", "\n", '""'])
def test_a_blank_token_is_none(environ: dict[str, str], token: str) -> None:
    assert problem(environ, TWILIO_AUTH_TOKEN=token) == "TWILIO_AUTH_TOKEN: is not set"


@pytest.mark.parametrize(
    ("listed", "tokens"),
    [
        ("new", ["new"]),
        ("new,old", ["new", "old"]),
        (" new , old\r\n", ["new", "old"]),
        ("'new','old'", ["new", "old"]),
        ('"new,old"', ["new", "old"]),
    ],
)
def test_twilios_token_while_it_is_changed(
    environ: dict[str, str], listed: str, tokens: list[str]
) -> None:
    found = read_settings(environ | {"TWILIO_AUTH_TOKEN": listed}).twilio_auth_token
    assert [token.get_secret_value() for token in found] == tokens


@pytest.mark.parametrize("listed", ["new,", ",old", "new,,old", '"new', "new'", "中"])
def test_tokens_that_are_none(environ: dict[str, str], listed: str) -> None:
    said = problem(environ, TWILIO_AUTH_TOKEN=listed)
    assert said.startswith("TWILIO_AUTH_TOKEN: token ")
    assert listed not in said


@pytest.mark.parametrize(
    "around", ["{}\n", "{}\r\n", " {}\t", '"{}"', "'{}'", '"{}"\n', "\ufeff{}"]
)
def test_what_secret_files_put_around_a_value_is_no_part_of_it(
    environ: dict[str, str], around: str
) -> None:
    plain = environ | {"REDIS_URL": "redis://127.0.0.1:1/0", "PORT": "8010", "DATA_DIR": "/srv/d"}
    wrapped = {name: around.format(value) for name, value in plain.items()}
    assert read_settings(wrapped) == read_settings(plain)


@pytest.mark.parametrize("inside", ["\n", "\r", "\x00", "\x1b", "\x7f", "\u200b", "\u202e"])
def test_no_setting_holds_a_character_that_cannot_be_seen(
    environ: dict[str, str], tmp_path: Path, inside: str
) -> None:
    """All of them are named, with the other problems."""
    banks = tmp_path / "other.toml"
    escaped = "".join(f"\\u{ord(c):04x}" for c in inside)
    text = BANKS.replace("工商", f"工{escaped}商").replace("95533", f"955{escaped}33")
    banks.write_text(text.replace("/notices", f"/{escaped}notices"), encoding="utf-8")
    broken = {
        name: f"{environ[name][:7]}{inside}{environ[name][7:]}"
        for name in ("PUBLIC_BASE_URL", "TWILIO_AUTH_TOKEN", "DATA_KEYS", "AGENT_HOURS")
    }
    said = problems(
        environ, **broken, BANKS_FILE=str(banks), REDIS_URL=f"redis://h{inside}:1/0",
        DATA_DIR=f"/srv/{inside}d", PORT="http",
    )  # fmt: skip
    assert [line.partition(":")[0] for line in said] == [
        "PUBLIC_BASE_URL", "TWILIO_AUTH_TOKEN", "DATA_KEYS", "AGENT_HOURS", "DATA_DIR", "REDIS_URL",
        "PORT", "BANKS_FILE [banks.icbc] notice_url", "BANKS_FILE [banks.icbc] name.zh",
        "BANKS_FILE [banks.ccb] notice_url", "BANKS_FILE [banks.ccb] phone",
    ]  # fmt: skip
    assert all("cannot be seen" in line for line in said if not line.startswith("PORT"))


REDIS_URLS_OF_NO_USE = [
    "localhost:6379", "localhost", "http://h:1/0", "redis:/h", "redis://", "redis://:6379/0",
    "redis://h:notaport/0", "redis://h:99999/0", "redis://h:1/zero", "redis://h:1/0/1",
    "redis://h:1/-1", "redis://h:1/0#x", "redis://h :1/0", "redis://[::1:1/0", "redis://h:1?db=x",
    "redis://h:1/0?colour=red", "redis://h:1/0?socket_timeout=soon", f"redis://:{PASSWORD}#4@h:1/0",
    "redis://h:1/0?db=1", "unix://", "unix:///r.sock?db=x", "unix:///r.sock?colour=red",
    "redis+sentinel://a/mymaster", "redis+sentinel://a:1", "redis+sentinel://a:1/",
    "redis+sentinel://a:x/m", "redis+sentinel://a:0/m", "redis+sentinel://a:65536/m",
    "redis+sentinel://:1/m", "redis+sentinel://a:1,/m", "redis+sentinel://a:1 b:2/m",
    "redis+sentinel://::1:26379/m", "redis+sentinel://[::1:26379/m", "redis+sentinel://[x]:1/m",
    "redis+sentinel://a:1/m/zero", "redis+sentinel://a:1/m/0/1", "redis+sentinel://a:1/m?db=x",
    "redis+sentinel://a:1/m?colour=red", "redis+sentinel://a:1/m/1?db=3",
    "redis://a..b:1/0", f"redis://{'a' * 70}:1/0", "redis+sentinel://a..b:1/m", "redis://.a:1/0",
    "rediss://h:1/0?ssl_cert_reqs=perhaps", "redis://h:1/0?ssl_cert_reqs=none", "redis://a%00b:1/0",
    "redis://a%2e.b:1/0", "unix:///r%00.sock", "redis://h:1/0?socket_timeout=0",
    "redis://h:1/0?socket_timeout=nan", "redis://h:1/0?socket_connect_timeout=-1",
]  # fmt: skip


@pytest.mark.parametrize("url", REDIS_URLS_OF_NO_USE)
def test_a_redis_url_is_judged_with_the_other_settings(environ: dict[str, str], url: str) -> None:
    said = problems(environ, REDIS_URL=url, AGENT_HOURS="never")
    assert sorted(line.partition(":")[0] for line in said) == ["AGENT_HOURS", "REDIS_URL"]


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h/", "redis://h:1", "redis://h:1/3", "redis://h:1?db=3", "redis://[::1]:1/0",
     "rediss://u:p%40ss@h:1/0", "unix:///r.sock", "unix://u:p@/r.sock?db=2",
     "redis://h:1/0?socket_timeout=0.5", "redis+sentinel://a:1/m", "redis+sentinel://a:1,b:2/m/3",
     "redis+sentinel://u:p@[::1]:1, [fe80::2]:2/m?db=3"],
)  # fmt: skip
def test_redis_urls_that_can_be_used(environ: dict[str, str], url: str) -> None:
    assert read_settings(environ | {"REDIS_URL": url}).redis_location == url


@pytest.mark.parametrize(
    "option",
    ["decode_responses=1", "decode_responses=0", "encoding=ascii", "encoding_errors=ignore",
     "protocol=3", "legacy_responses=1", "max_connections=1", "health_check_interval=1",
     "socket_read_size=0", "retry=x", "credential_provider=x", "redis_connect_func=x"],
)  # fmt: skip
@pytest.mark.parametrize("url", ["redis://h:1/0", "unix:///r.sock"])
def test_a_redis_url_changes_nothing_of_how_we_talk_to_redis(
    environ: dict[str, str], url: str, option: str
) -> None:
    said = problem(environ, REDIS_URL=f"{url}?{option}")
    assert "may have only these options: db, " in said


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 70, f"x.{'a' * 64}.y", "é" * 60])
@pytest.mark.parametrize(
    ("setting", "around"),
    [
        ("REDIS_URL", "redis://{}:1/0"), ("REDIS_URL", "redis+sentinel://a:1,{}:1/m"),
        ("PUBLIC_BASE_URL", "https://{}/v"), ("TWILIO_API_BASE", "https://{}"),
        ("BIND_ADDRESS", "{}"), ("OPERATIONS_BIND", "{}:8003"),
    ],
)  # fmt: skip
def test_a_host_that_no_name_service_could_look_up(
    environ: dict[str, str], setting: str, around: str, host: str
) -> None:
    said = problem(environ, **{setting: around.format(host)})
    assert said == (
        f"{setting}: names a host that cannot be looked up: between its dots is nothing, more than "
        "63 letters, or a character that cannot be seen"
    )


@pytest.mark.parametrize("workers", ["0", "-1", "many", "1.5"])
def test_worker_processes_is_judged_with_the_other_settings(
    environ: dict[str, str], workers: str
) -> None:
    said = problems(environ, WORKER_PROCESSES=workers, PORT="http")
    assert [line.partition(":")[0] for line in said] == ["PORT", "WORKER_PROCESSES"]


@pytest.mark.parametrize(
    ("bind", "is_fine"),
    [("127.0.0.1:8003", True), ("[::1]:8003", True), ("10.0.0.7:1", True), ("host.example:9", True),
     ("8003", False), (":8003", False), ("h:x", False), ("h:99999", False), ("::1:8003", False),
     ("http://h:1", False)],
)  # fmt: skip
def test_where_the_operations_listen(environ: dict[str, str], bind: str, is_fine: bool) -> None:
    if is_fine:
        assert read_settings(environ | {"OPERATIONS_BIND": bind}).operations_bind == bind
    else:
        assert problem(environ, OPERATIONS_BIND=bind).startswith("OPERATIONS_BIND: ")


@pytest.mark.parametrize(
    "bind", ["8003", ":8003", "h:x", "::1:8003", "http://h:1", "bla bla:1", "h:0", "*:8003"]
)
def test_an_address_is_a_host_and_a_port(environ: dict[str, str], bind: str) -> None:
    said = problem(environ, OPERATIONS_BIND=bind)
    assert said == "OPERATIONS_BIND: must be a host and a port: 127.0.0.1:8003 or [::1]:8003"


@pytest.mark.parametrize(
    ("bind", "is_fine"),
    [("[::]", True), ("127.0.0.1", True), ("[::1]", True), ("host.example", True),
     ("bla bla", False), ("0.0.0.0:8000", False), ("::1", False), ("[x]", False), ("*", False),
     ("http://h", False), ("unix:/r.sock", False), ("$HOME", False)],
)  # fmt: skip
def test_where_the_web_listens(environ: dict[str, str], bind: str, is_fine: bool) -> None:
    if is_fine:
        assert read_settings(environ | {"BIND_ADDRESS": bind}).bind_address == bind
    else:
        assert problem(environ, BIND_ADDRESS=bind) == (
            "BIND_ADDRESS: must be a host without a port: 127.0.0.1 or [::1]; PORT is the port"
        )


@pytest.mark.parametrize(
    ("web", "operations", "is_fine"),
    [
        ("0.0.0.0", "127.0.0.1:8010", False),  # noqa: S104
        ("127.0.0.1", "127.0.0.1:8010", False),
        ("[::]", "127.0.0.1:8010", False),
        ("127.0.0.1", "0.0.0.0:8010", False),
        ("127.0.0.1", "10.0.0.7:8010", True),
        ("127.0.0.1", "127.0.0.1:8011", True),
    ],
)
def test_web_and_operations_do_not_take_one_port(
    environ: dict[str, str], web: str, operations: str, is_fine: bool
) -> None:
    more = {"PORT": "8010", "BIND_ADDRESS": web, "OPERATIONS_BIND": operations}
    if is_fine:
        assert read_settings(environ | more).operations_bind == operations
    else:
        assert problem(environ, **more) == (
            "OPERATIONS_BIND: the web listens there (BIND_ADDRESS and PORT); choose another port"
        )


def test_only_the_webs_port_counts_where_honcho_gives_each_program_its_own(
    environ: dict[str, str],
) -> None:
    more = {"PORT": "8010", "OPERATIONS_BIND": "127.0.0.1:8010"}
    assert read_settings(environ | more | {"HONCHO_PROCESS_NAME": "worker.1"})
    assert problem(environ, **more, HONCHO_PROCESS_NAME="web.1").startswith("OPERATIONS_BIND: ")


@pytest.mark.parametrize("name", ["REPORT_RETENTION_DAYS", "JOURNAL_RETENTION_DAYS"])
def test_nothing_is_kept_longer_than_redis_can_count(environ: dict[str, str], name: str) -> None:
    """Boot would pass, and every report fail."""
    assert read_settings(environ | {name: "36500"})
    for days in ("36501", "999999999999"):
        assert problem(environ, **{name: days}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no [banks.<name>] table"),
        ("banks = 1", "has no [banks.<name>] table"),
        ("[banks.icbc", "BANKS_FILE"),
        ("[banks.ICBC]", "[banks.ICBC] id: "),
        ("[banks.texts]", "[banks.texts] id: texts stands for the texts to holders"),
        ("[banks.icbc]\nsecret = 'x'", "[banks.icbc] secret: Extra inputs are not permitted"),
        ("[banks.icbc]\nca_file = '/nowhere/ca.pem'", "there is no file /nowhere/ca.pem"),
        ("[banks.icbc]\ntimeout_seconds = 60", "[banks.icbc] timeout_seconds: "),
        ("[banks.icbc]\nmax_in_flight = 0", "[banks.icbc] max_in_flight: "),
        ("banks.icbc = 1", "[banks.icbc] phone: is not set"),
    ],
)
def test_banks_files_that_cannot_be_used(
    environ: dict[str, str], tmp_path: Path, text: str, words: str
) -> None:
    banks = tmp_path / "other.toml"
    banks.write_text(text, encoding="utf-8")
    assert any(words in line for line in problems(environ, BANKS_FILE=str(banks)))


def test_a_banks_file_that_is_not_there_or_not_text(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "bytes.toml"):
        assert problem(environ, BANKS_FILE=str(path)).startswith(f"BANKS_FILE {path}: ")


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings("redis://r/0").port = 1


def test_a_deep_data_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    assert len(os.fsencode(embedded_socket(deep))) <= 107
    assert embedded_socket(deep) == embedded_socket(deep)
    assert embedded_socket(deep) != embedded_socket(deep / "e")


GATEWAY = {
    "SMS_SENDER": "gateway", "GATEWAY_URL": "https://sms.example/send", "GATEWAY_KEY_ID": "k",
    "GATEWAY_SECRET": PASSWORD, "TEXT_SIGNATURE": "杭州人社",
}  # fmt: skip


def test_a_gateway_needs_all_of_its_settings(environ: dict[str, str]) -> None:
    found = read_settings(environ | GATEWAY)
    assert not found.texts_are_answered
    for name in GATEWAY.keys() - {"SMS_SENDER"}:
        assert problem(environ | GATEWAY, **{name: ""}).startswith(f"{name}: is not set")
    assert "GATEWAY_URL" in problem(environ | GATEWAY, GATEWAY_URL="http://sms.example/send")


@pytest.mark.parametrize("name", ["12333", "HRSS", "【杭州人社】", "杭", "杭州 人社"])
def test_a_signature_that_gateways_refuse(environ: dict[str, str], name: str) -> None:
    assert "TEXT_SIGNATURE" in problem(environ | GATEWAY, TEXT_SIGNATURE=name)


def test_where_nobody_can_answer(environ: dict[str, str]) -> None:
    assert read_settings(environ).texts_are_answered
    assert not read_settings(environ | {"TEXT_REPLIES": "0"}).texts_are_answered

"""The two doors, wired together here and nowhere else: the public one, the operators' own."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import structlog
from dotenv import dotenv_values
from flask import Blueprint, Flask
from redis.exceptions import ResponseError
from werkzeug.exceptions import HTTPException

from ivr.beijing import beijing_day
from ivr.conversation import Conversation
from ivr.environment import unwrapped
from ivr.errands import Errands
from ivr.every_language import load_words
from ivr.logs import configure_logs
from ivr.prompts.catalogue import Catalogue, CatalogueError
from ivr.recordings import (
    Recordings,
    RecordingsError,
    read_recordings,
    script_of,
    voices_for_calls,
)
from ivr.service import CardService, open_service
from ivr.settings import Settings, SettingsError, read_settings
from ivr.spoken import BankNames
from ivr.store.connection import OUTAGE, UnsafeRedisError
from ivr.store.opening import Store, open_store
from ivr.store.vault import WrongDataKeysError
from ivr.texting import Texting
from ivr.weak_settings import weak_listening, weak_operations, weak_settings
from ivr.web.apology import Apology
from ivr.web.audio import audio_routes
from ivr.web.bank_docs import bank_docs_routes
from ivr.web.bank_page import BankPageSources, PageLinks, bank_page_routes
from ivr.web.banks import bank_routes
from ivr.web.card_site.pages import Desk
from ivr.web.card_site.routes import card_site_routes
from ivr.web.card_site.wrong_address import WrongAddress
from ivr.web.commands.announcements import AnnouncementTools, add_announcement_commands
from ivr.web.commands.audit import AuditTools, add_audit_commands
from ivr.web.commands.bank_page import PageTools, add_bank_page_command
from ivr.web.commands.banks import BankTools, add_bank_commands
from ivr.web.commands.callbacks import CallbackTools, add_callback_commands
from ivr.web.commands.cardholders import RecordTools, add_record_commands
from ivr.web.commands.flow import flow
from ivr.web.commands.limits import LimitTools, add_limit_commands
from ivr.web.commands.notices import NoticeTools, add_notice_commands
from ivr.web.commands.places import PlaceTools, add_place_commands
from ivr.web.commands.prompts import PromptTools, add_prompt_commands
from ivr.web.commands.reports import ReportTools, add_report_commands
from ivr.web.commands.subscribers import SubscriberTools, add_subscriber_commands
from ivr.web.commands.texts import add_text_commands
from ivr.web.commands.withdrawals import DecisionTools, add_decision_commands
from ivr.web.health import alive_routes, health_routes
from ivr.web.played import Played
from ivr.web.problems import as_problem
from ivr.web.subscribers import subscriber_routes
from ivr.web.texts import text_routes
from ivr.web.twilio import TwilioDoor
from ivr.web.twiml import Voice
from ivr.web.voice import voice_routes
from ivr.web.webhook_door import WebhookDoor

MOST_BYTES_OF_A_REQUEST = 64 * 1024
log = structlog.get_logger()


def create_app(settings: Settings) -> Flask:
    """The hotline as a WSGI application.

    Raises:
        CatalogueError: a language lacks something that a call may need.
        RecordingsError: the recorded voices cannot be used.
        UnsafeRedisError: this Redis could evict or lose a loss report.
        WrongDataKeysError: DATA_KEYS do not open its records.
    """
    words = load_words(settings.rules.line_itself)
    voices = _voices(settings, words)
    store = open_store(settings)
    app = _empty_app()
    check_redis(store, settings)
    service = open_service(store, settings)
    _open_doors(app, settings, words, voices, store, service)
    _add_commands(app, settings, words, store, service)
    tools = PromptTools(voices.script, lambda: read_recordings(settings, words))
    add_prompt_commands(app, tools)
    add_text_commands(app, words)
    today = beijing_day(time.time())
    _tell_weak([*weak_settings(settings, today), *weak_listening(settings)])
    return app


def create_operations(settings: Settings) -> Flask:
    """The operators' own WSGI application, for a listener that the public does not reach. It
    starts whatever Redis is like: to say that is what it is for.
    """
    store = open_store(settings)
    app = _empty_app()
    app.register_blueprint(health_routes(store.condition))
    _tell_weak(weak_operations(settings))
    return app


def _voices(settings: Settings, words: Catalogue) -> Recordings:
    """The recorded voices; a command speaks to nobody, and may be there to tell what is missing."""
    if _is_command():
        return Recordings(script_of(settings, words))
    return voices_for_calls(settings, words)


def _empty_app() -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES_OF_A_REQUEST
    # A redirect of a Gather's action loses the keys, so no URL is ever redirected to another
    # spelling of itself (twilio-voice section 3).
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.register_error_handler(HTTPException, lambda error: as_problem(error).response())
    return app


def _tell_weak(lines: Iterable[str]) -> None:
    """Only when a server starts, not for each command that is typed."""
    for line in [] if _is_command() else lines:
        log.warning("weak_setting", why=line)


def check_redis(store: Store, settings: Settings) -> None:
    """Refuses a Redis that may lose reports, or whose records DATA_KEYS do not open.

    A Redis that is down is not refused, because callers must hear that the system is busy.
    """
    try:
        weak_points = store.condition.check() + store.condition.check_others()
        left = store.condition.banks_left_behind()
        _remember_banks(store, settings)
    except OUTAGE as error:
        log.warning("redis_is_down", error=type(error).__name__)
        return
    for weak in weak_points:
        log.warning("redis_is_not_durable", why=weak)
    for bank, count in left.items():
        log.warning("bank_left_behind", bank=bank, blocks_and_open_notices=count)


def _remember_banks(store: Store, settings: Settings) -> None:
    try:
        store.known_banks.remember(settings.banks.values())
    except ResponseError as error:  # refuses to write for now; the next start remembers them
        log.warning("banks_not_remembered", error=type(error).__name__)


def _open_doors(
    app: Flask,
    settings: Settings,
    words: Catalogue,
    voices: Recordings,
    store: Store,
    service: CardService,
) -> None:
    base = settings.public_base_url
    door = TwilioDoor(settings.twilio_auth_token, base)
    prefix = base.partition("://")[2].partition("/")[2]
    voice = Voice(
        words,
        f"/{prefix}" if prefix else "",
        settings.agent_number,
        settings.twilio_from_number,
        Played(voices, base) if voices.found else None,
        hears=settings.speech,
    )
    names = BankNames(settings.banks, store.known_banks.find)
    conversation = Conversation(store.calls, service, settings, names)
    app.register_blueprint(voice_routes(conversation, door, voice, Apology(settings, voice)))
    bank_door = WebhookDoor(store.signature_faults)
    app.register_blueprint(
        bank_routes(service, store.reconciliation, settings.banks, bank_door, base)
    )
    app.register_blueprint(
        subscriber_routes(
            store.card_checks,
            store.suspensions,
            settings.subscribers,
            WebhookDoor(),
            base,
        )
    )
    texting = Texting(service, store.text_exchanges, words, names, settings)
    app.register_blueprint(text_routes(texting, service, door))
    app.register_blueprint(bank_docs_routes())
    desk = Desk(settings, words, names, store.visits, service)
    app.register_blueprint(
        card_site_routes(desk, Errands(store.visits, service, settings.second_factor))
    )
    app.register_error_handler(HTTPException, WrongAddress(desk))
    app.register_blueprint(_bank_page(settings, store, service))
    app.register_blueprint(alive_routes())
    app.register_blueprint(audio_routes(voices.found))


def _bank_page(settings: Settings, store: Store, service: CardService) -> Blueprint:
    base = settings.public_base_url
    sources = BankPageSources(
        service,
        store.bank_notices,
        store.reconciliation,
        store.signature_faults,
        store.bank_health,
        store.block_times,
    )
    return bank_page_routes(sources, settings.banks, PageLinks(store.vault, base), base)


def _add_commands(
    app: Flask, settings: Settings, words: Catalogue, store: Store, service: CardService
) -> None:
    banks, now = settings.banks, store.outbox.now
    tools = RecordTools(
        store.holders, store.vault, store.roster, store.removal, store.export, banks, now
    )
    add_record_commands(app, tools)
    add_audit_commands(
        app, AuditTools(store.holders, store.vault, store.journal, store.archive, store.moved, now)
    )
    add_notice_commands(app, NoticeTools(service, store.cases, store.outbox, banks))
    add_bank_commands(
        app, BankTools(service, store.outbox, store.condition, store.block_times, banks)
    )
    links = PageLinks(store.vault, settings.public_base_url)
    add_bank_page_command(app, PageTools(links, banks, store.journal))
    add_report_commands(
        app, ReportTools(store.cases, store.outbox, store.journal, service.make_sure)
    )
    add_decision_commands(app, DecisionTools(service, store.cases, store.journal, store.plans))
    tools_of_subscribers = SubscriberTools(
        service, store.outbox, store.condition, settings.subscribers
    )
    add_subscriber_commands(app, tools_of_subscribers)
    add_limit_commands(app, LimitTools(service, store.limiting))
    add_announcement_commands(
        app, AnnouncementTools(store.announcements, store.journal, banks, now)
    )
    add_place_commands(app, PlaceTools(store.places, store.journal, banks))
    add_callback_commands(app, CallbackTools(store.callbacks, words, now))
    app.cli.add_command(flow)


def _environ() -> Mapping[str, str]:
    """The environment. While `make run` is running, a `flask` command also gets its development
    values. Values in the environment win. A server never gets the development values.
    """
    place = Path(unwrapped(os.environ.get("DATA_DIR", "")) or "var")
    values, running = place / "development.env", place / "run.json"
    if not (_is_command() and values.is_file() and running.is_file()):
        return os.environ
    known = dotenv_values(values, interpolate=False)
    return {**{name: value or "" for name, value in known.items()}, **os.environ}


def _is_command() -> bool:
    """Whether this is a `flask` command, not a server."""
    return click.get_current_context(silent=True) is not None


@cache
def _from_environment(create: Callable[[Settings], Flask]) -> Flask:
    configure_logs()
    try:
        settings = read_settings(_environ())
        app = create(settings)
    except (
        SettingsError,
        CatalogueError,
        RecordingsError,
        UnsafeRedisError,
        WrongDataKeysError,
    ) as error:
        sys.exit(str(error))
    if not _is_command():
        open_store(settings).roster.keep_published("web")
    return app


def __getattr__(name: str) -> Any:
    """`app:app` and `app:operations` for servers and the flask command; made only when asked for,
    so that importing `create_app` needs no environment.
    """
    create = {"app": create_app, "operations": create_operations}.get(name)
    if create is None:
        raise AttributeError(name)
    return _from_environment(create)

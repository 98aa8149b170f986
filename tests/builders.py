"""Made-up deployments, people and cards for tests: every part is real, nothing is stubbed."""

import base64
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from flask import Flask
from stdnum.iso7064 import mod_11_2

from app import create_app
from ivr.cards.records import Card, CardState, Holder
from ivr.prompts.places import Place
from ivr.settings import Settings, read_settings
from ivr.spoken import BankNames
from ivr.store.cardholders_csv import CardLine
from tests.hotline import Hotline, open_hotline

BASE_URL: Final = "https://hotline.example"
TWILIO_TOKEN: Final = "12345"
AGENT_NUMBER: Final = "+861012333"
ALWAYS: Final = "00:00-24:00"

BANKS: Final = """
[banks.icbc]
name = { zh = "工商银行", en = "ICBC" }
phone = "95588"
notice_url = "http://127.0.0.1:9/notices"
secrets_env = "ICBC_SECRETS"

[banks.ccb]
name = { zh = "建设银行", en = "CCB" }
phone = "95533"
notice_url = "http://127.0.0.1:9/notices"
secrets_env = "CCB_SECRETS"
"""


SUBSCRIBERS: Final = """
[subscribers.clinic]
name = "杭州 clinics"
cities = ["1101", "3301"]
secrets_env = "CLINIC_SECRETS"

[subscribers.centre]
name = "The card centre of Beijing"
cities = ["1101"]
notice_url = "http://127.0.0.1:9/cards"
secrets_env = "CENTRE_SECRETS"

[subscribers.elsewhere]
name = "The card centre of Hangzhou"
cities = ["3301"]
notice_url = "http://127.0.0.1:9/cards"
secrets_env = "ELSEWHERE_SECRETS"
"""


def settings(redis_url: str, *, rules: str = "", subscribers: str = "", **changes: str) -> Settings:
    """Settings of a deployment with two banks and a person on duty at all hours.

    `changes` are environment variables in lower case: `agent_hours="sat 09:00-12:00"`; `rules`: the
    text of a RULES_FILE; `subscribers`: that of a SUBSCRIBERS_FILE, with the names of SUBSCRIBERS.
    """
    with tempfile.TemporaryDirectory(prefix="banks-") as directory:
        banks_file = Path(directory) / "banks.toml"
        banks_file.write_text(BANKS, encoding="utf-8")
        environ = {
            "REDIS_URL": redis_url,
            "PUBLIC_BASE_URL": BASE_URL,
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            "TWILIO_FROM_NUMBER": "+8612333",
            "BANKS_FILE": str(banks_file),
            "ICBC_SECRETS": a_secret(),
            "CCB_SECRETS": a_secret(),
            "DATA_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "AGENT_NUMBER": AGENT_NUMBER,
            "AGENT_HOURS": ALWAYS,
        }
        if rules:
            rules_file = Path(directory) / "rules.toml"
            rules_file.write_text(rules, encoding="utf-8")
            environ["RULES_FILE"] = str(rules_file)
        if subscribers:
            subscribers_file = Path(directory) / "subscribers.toml"
            subscribers_file.write_text(subscribers, encoding="utf-8")
            names = ("CLINIC_SECRETS", "CENTRE_SECRETS", "ELSEWHERE_SECRETS")
            environ |= {"SUBSCRIBERS_FILE": str(subscribers_file)} | {n: a_secret() for n in names}
        return read_settings(environ | {name.upper(): text for name, text in changes.items()})


def a_secret() -> str:
    """A fresh Standard Webhooks secret."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def an_app(settings: Settings, *holders: Holder) -> Flask:
    """The whole hotline on the Redis of these settings, with these cardholders on record."""
    app = create_app(settings)
    app.extensions["tests.hotline"] = open_hotline(settings)
    enrol(hotline_of(app), *holders)
    return app


def hotline_of(app: Flask) -> Hotline:
    """What is behind an app that `an_app` made."""
    hotline: Hotline = app.extensions["tests.hotline"]
    return hotline


def names_of(hotline: Hotline) -> BankNames:
    """How banks are named and called there."""
    return BankNames(hotline.settings.banks, hotline.known_banks.find)


def enrol(hotline: Hotline, *holders: Holder) -> None:
    """Puts holders on record, as an import would."""
    hotline.holders.put_all(_lines(holders))


def an_id_number(born: str = "19491231", serial: str = "002", address: str = "110105") -> str:
    """A number whose check digit is right (GB 11643); `born` is YYYYMMDD."""
    body = address + born + serial
    return body + mod_11_2.calc_check_digit(body)


def a_card(
    last4: str = "5678",
    bank: str = "icbc",
    state: CardState = CardState.NORMAL,
    head: str = "A1234",
) -> Card:
    """A card; `head` tells apart cards with the same last 4 places."""
    return Card(head + last4, bank, "622202123456" + last4, "110100", state)


def a_place(city_code: str = "110100", bank: str = "", fee: int = 20, days: int = 0) -> Place:
    """Where a new card is had: of the city in which `a_card` is."""
    texts = {
        "zh": {"place": "朝阳社保中心", "address": "朝阳路1号", "open": "工作日上午9点到下午5点",
               "papers": "身份证", "meanwhile": ""},
        "en": {"place": "Chaoyang centre", "address": "1 Chaoyang Road",
               "open": "Monday to Friday, 9 to 5", "papers": "your ID card", "meanwhile": ""},
    }  # fmt: skip
    return Place(city_code, bank, fee, days, texts)


def a_holder(*cards: Card, id_number: str = "", phone: str = "+8613800138001") -> Holder:
    """A grown-up with these cards (or one normal card); the default ID number ends in X."""
    return Holder(id_number or an_id_number(), "张三", phone, cards or (a_card(),))


def _lines(holders: Iterable[Holder]) -> list[CardLine]:
    pairs = [(holder, card) for holder in holders for card in holder.cards]
    return [
        CardLine(number, Holder(holder.id_number, holder.name, holder.phone, (card,)))
        for number, (holder, card) in enumerate(pairs, 2)
    ]

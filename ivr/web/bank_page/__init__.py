"""A bank's own page: its notices, signatures, pauses and blocks, for who has a link of an hour."""

from ivr.web.bank_page.links import PageLinks
from ivr.web.bank_page.routes import BankPageSources, bank_page_routes

__all__ = ["BankPageSources", "PageLinks", "bank_page_routes"]

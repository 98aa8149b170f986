"""The bank developers' page and the API's description, both served as they are in docs/."""

from ivr.web.bank_docs.routes import bank_docs_routes

__all__ = ["bank_docs_routes"]

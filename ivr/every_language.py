"""Checks before the first call that every language has its row, its words and its key."""

from ivr.dialogue.checks import language_faults
from ivr.dialogue.flow import FLOW
from ivr.prompts.catalogue import Catalogue, CatalogueError, LineItself, load_all_words
from ivr.prompts.languages import LANGUAGES, row_faults


def load_words(line: LineItself | None = None) -> Catalogue:
    """All words, the website's too, checked: no language lacks anything that a call or a page may
    need. `line`: who speaks.

    Raises:
        CatalogueError: naming all that is missing.
    """
    faults = [fault for code, row in LANGUAGES.items() for fault in row_faults(code, row)]
    faults += language_faults(FLOW, LANGUAGES)
    try:
        catalogue = load_all_words(line)
    except CatalogueError as error:
        raise CatalogueError(faults + error.faults) from None
    if faults:
        raise CatalogueError(faults)
    return catalogue

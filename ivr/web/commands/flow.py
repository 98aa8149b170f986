"""`flask flow draw`: the call as a page with a picture, written from the table it runs on."""

from pathlib import Path

import click
from flask.cli import AppGroup

from ivr.dialogue.diagram import page
from ivr.dialogue.flow import FLOW
from ivr.prompts.catalogue import load_catalogue
from ivr.prompts.languages import LANGUAGES

flow = AppGroup("flow", help="The table of steps that every call walks through.")


@flow.command("draw")
@click.argument(
    "file", type=click.Path(dir_okay=False, path_type=Path), default="docs/call-flow.md"
)
def draw(file: Path) -> None:
    """Writes FILE (docs/call-flow.md) anew from the table and the words."""
    file.write_text(flow_page(), encoding="utf-8")
    click.echo(f"Wrote {file}")


def flow_page() -> str:
    """The page as it should be now."""
    catalogue = load_catalogue()
    return page(FLOW, lambda prompt: [catalogue.shown(prompt, code) for code in LANGUAGES])

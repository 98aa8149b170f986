"""`flask banks paper`: the made parts of the papers for banks and subscribers, written anew."""

from pathlib import Path

import click

from ivr.web.bank_docs.paper import DOCS, PAPERS, SUBSCRIBER_PAPERS, written


@click.command("paper")
@click.argument(
    "folder", type=click.Path(file_okay=False, exists=True, path_type=Path), default=DOCS
)
def paper(folder: Path) -> None:
    """Writes the tables, samples and listings of the papers for banks (docs/bank-api.md) and
    subscribers (docs/subscriber-api.md), and of both in Chinese, anew from their sources, into
    FOLDER (docs).
    """
    for papers in (PAPERS, SUBSCRIBER_PAPERS):
        for language, name in papers.items():
            text = written(language, papers)  # English first: the other takes its listings there
            (folder / name).write_text(text, encoding="utf-8")
            click.echo(f"Wrote {folder / name}")

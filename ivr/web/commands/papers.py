"""`flask banks paper`: the made parts of the two papers for banks, written anew."""

from pathlib import Path

import click

from ivr.web.bank_docs.paper import DOCS, PAPERS, written


@click.command("paper")
@click.argument(
    "folder", type=click.Path(file_okay=False, exists=True, path_type=Path), default=DOCS
)
def paper(folder: Path) -> None:
    """Writes the tables, samples and listings of the banks' papers (docs/bank-api.md and
    docs/bank-api.zh.md) anew from their sources, into FOLDER (docs).
    """
    for language, name in PAPERS.items():
        text = written(language)  # the English first: the other takes its listings from there
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"Wrote {folder / name}")

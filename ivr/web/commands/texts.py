"""`flask texts templates`: every text to holders, to be registered with a domestic gateway."""

import json

import click
from flask import Flask, current_app

from ivr.prompts.catalogue import Catalogue
from ivr.prompts.templates import TextTemplate, template, template_names
from ivr.web.commands.arguments import Commands

texts = Commands("texts", help="The texts to holders.")


def add_text_commands(app: Flask, catalogue: Catalogue) -> None:
    """Adds `flask texts`."""
    app.extensions[__name__] = catalogue
    app.cli.add_command(texts)


@texts.command("templates")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_templates(*, as_json: bool) -> None:
    """Each text as a template: its name, the words with numbered variables, and what those are. The
    signature in front is the gateway's to put there.
    """
    catalogue: Catalogue = current_app.extensions[__name__]
    found = [template(catalogue, name) for name in template_names(catalogue)]
    if as_json:
        listed = [{"name": t.name, "words": t.words, "variables": t.names} for t in found]
        click.echo(json.dumps({"templates": listed}, ensure_ascii=False, indent=2))
        return
    for each in found:
        click.echo(_shown(each))
    click.echo(f"{len(found)} templates")


def _shown(each: TextTemplate) -> str:
    variables = "  ".join(f"${{{n}}} {name}" for n, name in enumerate(each.names, 1))
    return f"{each.name}\n  {each.words}\n  {variables}\n"

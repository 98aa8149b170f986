"""`flask prompts`: the script for a recording studio, and what of it is not recorded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from ivr.prompts.fragments import Script
from ivr.recordings import ENCODING, Recordings, RecordingsError, write_script

prompts = AppGroup("prompts", help="The words as recorded voices say them.")


@dataclass(frozen=True)
class PromptTools:
    """What these commands work with. `recordings`: what AUDIO_DIR holds now."""

    script: Script
    recordings: Callable[[], Recordings]


def add_prompt_commands(app: Flask, tools: PromptTools) -> None:
    """Adds `flask prompts`."""
    app.extensions[__name__] = tools
    app.cli.add_command(prompts)


def _tools() -> PromptTools:
    tools: PromptTools = current_app.extensions[__name__]
    return tools


@prompts.command("studio")
@click.argument("file", type=click.File("w", encoding=ENCODING), default="-")
def studio(file: TextIO) -> None:
    """Writes the script for the studio to FILE, as CSV: file name, language, text, how to say it.

    When the voices are recorded, the same file belongs beside them as AUDIO_DIR/script.csv.
    """
    write_script(_tools().script.fragments(), file)


@prompts.command("missing")
def missing() -> None:
    """Lists every fragment that AUDIO_DIR has no recording of, and why."""
    try:
        recordings = _tools().recordings()
    except RecordingsError as error:
        raise click.ClickException(str(error)) from None
    for line in recordings.missing:
        click.echo(line)
    click.echo(f"{len(recordings.found)} recorded, {len(recordings.missing)} missing.", err=True)

"""`flask texts templates`: what is registered with a gateway."""

import json

from click.testing import Result
from flask import Flask


def types(app: Flask, *words: str) -> Result:
    result: Result = app.test_cli_runner().invoke(args=["texts", "templates", *words])
    assert result.exit_code == 0, result.output
    return result


def test_every_text_is_listed_with_numbered_variables(app: Flask) -> None:
    said = types(app).stdout
    assert (
        "text_filed.zh\n  您尾号${1}的社保卡已于${2}挂失，编号${3}，社保功能${4}自动恢复。" in said
    )
    assert "${1} card_last4  ${2} reported_at  ${3} report_number  ${4} until" in said
    assert "_reply" not in said


def test_as_json(app: Flask) -> None:
    listed = json.loads(types(app, "--json").stdout)["templates"]
    (code,) = (each for each in listed if each["name"] == "text_code.en")
    assert code["variables"] == ["code"]
    assert code["words"].startswith("Your code is ${1}, good for 10 minutes")

"""`make call`: a made-up person reports a card lost over real HTTP; prints what came of it."""

import argparse
import os
import sys
from typing import Any

from simulator.bank.client import SandboxBank, SandboxBankError
from simulator.engine.journey import journey_lines
from simulator.hotline_records import LONGEST_SUSPENSION
from simulator.stack.problem import StartError
from simulator.stack.results import (
    LossKey,
    MissingError,
    find_loss_key,
    heard_report_number,
    milliseconds_to,
    wait_until_settled,
)
from simulator.stack.running_hotline import RunningHotline, running_hotline
from simulator.stack.scripted_call import LANGUAGE_KEYS, Person, ScriptedCall, new_person

PATIENCE_SECONDS = 15.0
RESULT = """
Redis   {key.name}
        TTL {key.ttl} s of {longest} s (7 days)
Bank    {bank} received notice {receipt[webhook_id]}
        {receipt[type]} of report {receipt[report_number]}: signature verified, {receipt[effect]}
Time    {milliseconds:.0f} ms from the confirming key to the bank's receipt
        (this machine's clock: when the key's request was sent, when the bank noted the arrival)
"""


def main(arguments: list[str]) -> int:
    """-> 0 when the report, its key and the bank's receipt were all seen; else 1, saying why."""
    options = _parser().parse_args(arguments)
    try:
        with running_hotline(os.environ) as hotline:
            _make_call(hotline, options.language)
    except (StartError, MissingError, SandboxBankError) as problem:
        print(f"\nNot done: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make call", description="The main call, by script.")
    parser.add_argument("--language", choices=sorted(LANGUAGE_KEYS), default="zh")
    return parser


def _make_call(hotline: RunningHotline, language: str) -> None:
    person = new_person(hotline.environ)
    print(f"Imported one made-up cardholder of bank {person.bank} ({person.generated_by}).")
    print(f"Calling {hotline.environ['PUBLIC_BASE_URL']}/voice. Seconds are the call's own.\n")
    scripted = ScriptedCall(hotline, person)
    try:
        scripted.report(language)
        receipt = _receipt_while_listening(hotline, person, scripted)
    finally:
        print("\n".join(journey_lines(scripted.call.transcript)), flush=True)
        scripted.close()
    key = find_loss_key(hotline.environ["REDIS_URL"], receipt["report_number"])
    _print_result(person, key, receipt, milliseconds_to(receipt, scripted.confirmed_at))


def _receipt_while_listening(
    hotline: RunningHotline, person: Person, scripted: ScriptedCall
) -> dict[str, Any]:
    """A person needs time to hear the number twice; the simulated call does not. So the bank gets
    its time here, before the line says whether it has answered.
    """
    number = heard_report_number(scripted.call.transcript)
    bank = SandboxBank(hotline.launch.bank_url)
    try:
        receipt = bank.wait_for_receipt(person.bank, number, PATIENCE_SECONDS)
        redis_url = hotline.environ["REDIS_URL"]
        wait_until_settled(redis_url, receipt["webhook_id"], PATIENCE_SECONDS)
    finally:
        bank.close()
        scripted.hear_the_rest()
    return receipt


def _print_result(person: Person, key: LossKey, receipt: dict[str, Any], ms: float) -> None:
    told = {"key": key, "receipt": receipt, "bank": person.bank, "milliseconds": ms}
    print(RESULT.format(longest=LONGEST_SUSPENSION, **told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

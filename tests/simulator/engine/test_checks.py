"""Twilio's warnings about a document: twilio.com/docs/voice/twiml."""

import pytest

from simulator.engine.checks import faults_in
from simulator.engine.markup import parse
from simulator.engine.vocabulary import allowed_in

from .apps import codes, dialled, said, twiml


def warnings(*verbs: str) -> list[int]:
    return [fault.code for fault in faults_in(parse(twiml(*verbs).encode()))]


@pytest.mark.parametrize(
    ("verbs", "code"),
    [
        # "unknown verb, attribute or nesting 12200"
        ("<Shout>hi</Shout>", 12200),
        ("<say>hi</say>", 12200),  # "Names are case-sensitive."
        ('<Gather numdigits="1"/>', 12200),  # "any misspelt attribute" of Gather(**kwargs)
        ('<Gather num_digits="1"/>', 12200),
        ("<Say>hi<Pause/></Say>", 12200),
        ("<Say>hi<shout>you</shout></Say>", 12200),
        ("loose text", 12200),
        # "Nested: Say, Play, Pause only (13320)"
        ("<Gather><Redirect>/x</Redirect></Gather>", 13320),
        ("<Gather><Gather/></Gather>", 13320),
        # Twilio's error dictionary, "Gather: Invalid ... value"
        ('<Gather finishOnKey="x"/>', 13310),
        ('<Gather finishOnKey="12"/>', 13311),
        ('<Gather method="PUT"/>', 13312),
        ('<Gather timeout="soon"/>', 13313),
        ('<Gather numDigits="0"/>', 13314),
        ('<Gather input="voice"/>', 13326),
        ('<Gather actionOnEmptyResult="yes"/>', 13338),
        ('<Gather><Say voice="Polly Zhiyu">hi</Say></Gather>', 13321),
        # "`<Play digits>` is not allowed there"
        ('<Gather><Play digits="1"/></Gather>', 12200),
        # "`speechTimeout=auto` with a speechModel warns 13335"
        ('<Gather input="speech" speechTimeout="auto" speechModel="default"/>', 13335),
        # "Mandarin is `cmn-Hans-CN` here ..., not with phone_call or experimental models"
        ('<Gather input="speech" language="cmn-CN"/>', 13331),
        ('<Gather input="speech" language="cmn-Hans-CN" speechModel="phone_call"/>', 13334),
        (
            '<Gather input="speech" language="cmn-Hans-CN"'
            ' speechModel="experimental_conversations"/>',
            13334,
        ),
        ("<Say></Say>", 13520),
        ('<Say loop="often">hi</Say>', 13510),
        ('<Say voice="Polly.Joanna" language="cmn-CN">您好</Say>', 13511),
        ('<Pause length="long"/>', 13910),
        ('<Redirect method="PUT">/x</Redirect>', 13710),
        ('<Reject reason="tired"/>', 13810),
        ('<Dial timeout="-1">+86</Dial>', 13212),
        ("<Dial><Fax>+86</Fax></Dial>", 13215),
        ("<Enqueue/>", 14204),
        (f"<Enqueue>{'q' * 65}</Enqueue>", 14205),
        ('<Record maxLength="x"/>', 13612),
    ],
)
def test_each_warning(verbs: str, code: int) -> None:
    assert warnings(verbs) == [code]


@pytest.mark.parametrize(
    "verbs",
    [
        '<Gather input="dtmf speech" finishOnKey="" numDigits="18" timeout="10" action="/x"'
        ' actionOnEmptyResult="true" language="cmn-Hans-CN" bargeIn="true" speechTimeout="auto">'
        '<Say language="cmn-CN" voice="Polly.Zhiyu-Neural">您好<break time="1s"/></Say>'
        "<Play>/a.wav</Play><Pause/></Gather>",
        '<Say voice="Google.cmn-CN-Wavenet-A" language="cmn-CN"><prosody rate="slow">慢'
        '<say-as interpret-as="digits">12</say-as></prosody><lang xml:lang="en-US">x</lang></Say>',
        '<Dial action="/x" timeout="20"><Number>+861</Number><Client>agent</Client></Dial>',
        '<Enqueue waitUrl="/w" action="/x">agents</Enqueue><Play digits="1w2"/>',
    ],
)
def test_correct_documents_raise_nothing(verbs: str) -> None:
    assert warnings(verbs) == []


@pytest.mark.parametrize(
    ("voice", "text", "fits"),
    [
        # "Polly voices 3000 characters, and URL-encoded text at most 4500, i.e. about 500
        # Chinese characters"
        ("Polly.Zhiyu", "字" * 500, True),
        ("Polly.Zhiyu", "字" * 501, False),
        ("Polly.Joanna", "a" * 3000, True),
        ("Polly.Joanna", "a" * 3001, False),
    ],
)
def test_how_long_a_say_may_be(voice: str, text: str, fits: bool) -> None:
    assert warnings(f'<Say voice="{voice}">{text}</Say>') == ([] if fits else [13521])


def test_an_unknown_verb_is_a_warning_and_the_call_goes_on() -> None:
    # "12200 (a warning, the call goes on)"
    call = dialled({"/voice": "<Shout>one</Shout><Say>two</Say>"})
    assert (codes(call), said(call)) == ([12200], ["two"])


def test_a_verb_the_simulator_does_not_play_is_not_passed_over_in_silence() -> None:
    call = dialled({"/voice": "<Pay/><Say>two</Say>"})
    assert [fault.name for fault in call.faults] == ["Simulator: this verb is not played"]


def test_the_vocabulary_is_that_of_the_twilio_package() -> None:
    # "The exact attribute and child lists are the signatures of `VoiceResponse...`"
    verbs = allowed_in()
    gather = verbs["Gather"]
    assert {"finishOnKey", "actionOnEmptyResult", "numDigits"} <= gather.attributes
    assert set(allowed_in(gather.twiml_class)) == {"Say", "Play", "Pause"}
    assert "message" not in verbs["Say"].attributes
    ssml = " ".join(sorted(allowed_in(verbs["Say"].twiml_class)))
    assert ssml == "break emphasis lang p phoneme prosody s say-as sub w"
    assert "xml:lang" in allowed_in(verbs["Say"].twiml_class)["lang"].attributes

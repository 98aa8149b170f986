"""TwiML: every step of the table, in every language, is a document Twilio takes as it is meant."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml import TwiML
from twilio.twiml.voice_response import Gather, Say, VoiceResponse

from ivr.dialogue.call import Call, Choice, Line
from ivr.dialogue.flow import FLOW
from ivr.dialogue.steps import Ask, Do, End, Menu, Pick, Tell, Transfer
from ivr.prompts.catalogue import Placeholder, load_catalogue
from ivr.prompts.languages import LANGUAGES, LanguageCode
from ivr.web.twiml import DIAL_SECONDS, DIGIT_SECONDS, KEY_SECONDS, Voice
from simulator.engine.checks import faults_in
from simulator.engine.markup import LARGEST_DOCUMENT, parse

VOICE = Voice(load_catalogue(), "", "+861012333", "+8612333")
SPOKEN = [name for name, step in FLOW.items() if not isinstance(step, Do)]
FACTS = {
    "bank": "工商银行", "bank_phone": "95588", "card_last4": "5678", "last4": "002X",
    "report_number": "12345670", "until": "1800000000", "days": "7", "hours": "每天24小时",
    "key": "1", "on_record": "1",
    "count": "2", "phone_last4": "8000",
}  # fmt: skip


def a_call(step: str, language: LanguageCode = "zh", tries: int = 0, **facts: str) -> Call:
    """A call that has just come to a step and says all that the step may say."""
    found = FLOW[step]
    prompts = [Line(prompt) for prompt in getattr(found, "says", ())]
    prompts += [Line(prompt, asked=True) for prompt in getattr(found, "asks", ())]
    if isinstance(found, Pick):
        prompts.append(Line(found.item, {"key": "1"}, asked=True))
    choices = (Choice("c1", {}),)
    return Call("CA1", step, 3, language, tries, FACTS | facts, choices, tuple(prompts))


def document(call: Call) -> ElementTree.Element:
    """The answer, after Twilio's debugger has read it."""
    text = VOICE.render(call)
    assert len(text.encode()) <= LARGEST_DOCUMENT
    assert faults_in(parse(text.encode())) == []
    return ElementTree.fromstring(text)  # noqa: S314 (our own answer)


@pytest.mark.parametrize("tries", [0, 1, 2])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", SPOKEN)
def test_every_step_is_valid_and_never_a_dead_line(
    step: str, language: LanguageCode, tries: int
) -> None:
    """The last verb always says what happens when the caller does nothing."""
    verbs = [verb.tag for verb in document(a_call(step, language, tries))]
    match FLOW[step]:
        case Menu() | Pick() | Ask():
            assert verbs[-2:] == ["Gather", "Redirect"]
        case Tell():
            assert verbs[-1] == "Redirect"
        case Transfer():
            assert verbs[-1] == "Dial"
        case End():
            assert verbs[-1] == "Hangup"


@pytest.mark.parametrize("step", SPOKEN)
def test_a_key_and_silence_lead_to_the_same_turn(step: str) -> None:
    root = document(a_call(step))
    targets = {verb.attrib["action"] for verb in root if "action" in verb.attrib}
    targets |= {str(verb.text) for verb in root.iter("Redirect")}

    end = set() if isinstance(FLOW[step], End) else {VOICE.next_url(a_call(step))}
    assert targets == end
    assert all(verb.attrib["method"] == "POST" for verb in root if verb.tag != "Hangup"
               and verb.tag != "Say")  # fmt: skip


def test_an_id_number_has_time_between_its_digits() -> None:
    (gather,) = document(a_call("report_id")).iter("Gather")
    assert gather.attrib["numDigits"] == "18"
    assert gather.attrib["finishOnKey"] == "#"
    assert int(gather.attrib["timeout"]) >= 10


def test_a_menu_takes_one_key_and_no_finishing_key() -> None:
    """A habitual # after a long entry must not end the next Gather empty."""
    (gather,) = document(a_call("main_menu")).iter("Gather")
    assert (gather.attrib["numDigits"], gather.attrib["finishOnKey"]) == ("1", "")


@pytest.mark.parametrize(("language", "voice"), [("zh", "cmn-CN"), ("en", "en-US")])
def test_each_language_has_its_own_voice(language: LanguageCode, voice: str) -> None:
    assert {say.attrib["language"] for say in document(a_call("filed", language)).iter("Say")} == {
        voice
    }


def test_the_first_menu_speaks_every_language() -> None:
    said = [say.attrib["language"] for say in document(a_call("language")).iter("Say")]
    assert set(said) == {"cmn-CN", "en-US"}


def test_what_must_be_heard_stands_before_the_gather() -> None:
    root = document(a_call("confirm"))
    verbs = [verb.tag for verb in root]
    assert verbs.index("Say") < verbs.index("Gather")
    assert "尾号" in "".join(root[0].itertext())


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        ("+8613800138000", "+8613800138000"),
        ("+12025550123", "+12025550123"),
        ("+8615400010001", "+8615400010001"),  # a mobile range no library knows yet
        ("+861062340001", "+861062340001"),
        ("+26622123456", "+26622123456"),  # Lesotho
        ("+123456789012345", "+8612333"),
        ("+999123456789", "+8612333"),  # no country has this code
        ("+86138001380001", "+8612333"),  # a digit too many
        ("+7378742833", "+8612333"),  # +RESTRICTED
        ("+2562533", "+8612333"),  # +BLOCKED
        ("+86282452253", "+8612333"),  # +UNAVAILABLE
        ("+8656696", "+8612333"),  # +UNKNOWN
        ("+8566696687", "+8612333"),
        ("+1234567890123456", "+8612333"),
        ("+266696687", "+8612333"),  # +ANONYMOUS
        ("+2666966875", "+8612333"),
        ("anonymous", "+8612333"),
        ("Restricted", "+8612333"),
        ("client:bob", "+8612333"),
        ("sip:alice@pbx.example", "+8612333"),
        ("13800138000", "+8612333"),
        ("+013800138000", "+8612333"),
        ("+86 138 0013 8000", "+8612333"),
        ("+8613800138000\n", "+8612333"),
        ("+８６１３８００１３８０００", "+8612333"),
        ("", "+8612333"),
    ],
)
def test_a_person_is_shown_a_number_that_can_be_dialled(caller: str, shown: str) -> None:
    """With any other, Twilio rejects the transfer: error 13214."""
    (dial,) = document(replace(a_call("transfer"), caller=caller)).iter("Dial")
    assert dial.attrib["callerId"] == shown
    assert [number.text for number in dial] == ["+861012333"]
    put_through = VOICE.put_through(caller, "CA1")
    (dial,) = ElementTree.fromstring(put_through).iter("Dial")  # noqa: S314
    assert dial.attrib["callerId"] == shown


def test_a_second_try_is_spoken_slowly() -> None:
    assert not list(document(a_call("main_menu")).iter("prosody"))
    slow = list(document(a_call("main_menu", tries=1)).iter("prosody"))
    assert {prosody.attrib["rate"] for prosody in slow} == {"slow"}


def test_the_url_tells_where_the_call_stands_and_nothing_about_the_caller() -> None:
    call = a_call("report_id")
    assert VOICE.next_url(call) == "/voice/report_id?turn=3&lang=zh&reported=1"
    assert Voice(VOICE.catalogue, "/ivr", "1", "2").next_url(
        Call("CA1", "main_menu", language="en")
    ) == ("/ivr/voice/main_menu?turn=0&lang=en")


def test_a_step_that_is_not_spoken_cannot_be_rendered() -> None:
    with pytest.raises(TypeError):
        VOICE.render(a_call("find_holder"))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30))
def test_a_banks_name_cannot_break_out(name: str) -> None:
    """Names come from a file: whatever they hold is text, never markup."""
    call = a_call("confirm", bank=f"X{name}<Hangup/>&")
    root = document(call)
    assert not list(root.iter("Hangup"))
    assert f"X{name}<Hangup/>&" in "".join(root.itertext())


# --- what is written ahead is what twilio's library writes -------------------------------------


def as_the_library_writes(call: Call) -> str:
    """The whole answer, made by twilio's library in one go."""
    response = VoiceResponse()
    say_all(response, call, asked=False)
    url = VOICE.next_url(call)
    match step := FLOW[call.step]:
        case Ask():
            gather = Gather(
                input="dtmf", action=url, method="POST", num_digits=step.digits,
                finish_on_key="#", timeout=DIGIT_SECONDS, action_on_empty_result=True,
            )  # fmt: skip
        case Menu() | Pick():
            gather = Gather(
                input="dtmf", action=url, method="POST", num_digits=1, finish_on_key="",
                timeout=KEY_SECONDS,
            )  # fmt: skip
        case Transfer():
            dial = response.dial(
                caller_id=VOICE.own_number, method="POST", timeout=DIAL_SECONDS, action=url
            )
            whisper = f"/voice/whisper?of={call.sid}"
            dial.number(VOICE.agent_number, url=whisper, method="POST")
        case End():
            response.hangup()
    if isinstance(step, Ask | Menu | Pick):
        say_all(gather, call, asked=True)
        response.append(gather)
    if isinstance(step, Ask | Menu | Pick | Tell):
        response.redirect(url, method="POST")
    return str(response)


def say_all(verb: TwiML, call: Call, *, asked: bool) -> None:
    step = FLOW[call.step]
    for_all = isinstance(step, Menu) and step.in_every_language
    for line in [line for line in call.said if line.asked is asked]:
        for language in LANGUAGES if for_all else [call.language]:
            say = Say(language=LANGUAGES[language].tag, voice=LANGUAGES[language].voice)
            inner = say.prosody(rate="slow") if call.tries else say
            for part in VOICE.catalogue.say(line.prompt, {**call.facts, **line.values}, language):
                if isinstance(part, str):
                    inner.append(part)
                else:
                    inner.sub(part.shown, alias=part.alias)
            verb.append(say)


PLACES = {
    piece.name
    for texts in VOICE.catalogue.prompts.values()
    for template in texts.values()
    for piece in template
    if isinstance(piece, Placeholder)
} - {"hotline"}
ODD = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("&<>\"'\r\n\t\ue000\ue003")
)
TIMES = st.integers(0, 4_000_000_000).map(str)
values = st.fixed_dictionaries({name: TIMES if name == "until" else ODD for name in FACTS})


@given(
    st.sampled_from(SPOKEN), st.sampled_from(sorted(LANGUAGES)), st.integers(0, 2), values,
    st.booleans(),
)  # fmt: skip
def test_every_answer_is_as_twilios_library_writes_it(
    step: str, language: LanguageCode, tries: int, facts: dict[str, str], is_cut: bool
) -> None:
    call = a_call(step, language, tries, **facts)
    if is_cut:  # nothing that a key cuts short, which is an empty Gather
        call = replace(call, said=tuple(line for line in call.said if not line.asked))
    assert VOICE.render(call) == as_the_library_writes(call)


@given(ODD, st.sampled_from(sorted(LANGUAGES)), st.booleans())
def test_every_prompt_is_as_twilios_library_writes_it(
    value: str, language: LanguageCode, is_slow: bool
) -> None:
    """Also those that no step names, and prompts one after the other."""
    facts = {
        **dict.fromkeys(PLACES, value),
        "until": "1800000000",
        "reported_at": "1",
        "within": "60",
    }
    lines = tuple(Line(prompt, asked=prompt > "m") for prompt in VOICE.catalogue.prompts)
    call = Call("CA1", "main_menu", 3, language, int(is_slow), facts, said=lines)
    assert VOICE.render(call) == as_the_library_writes(call)

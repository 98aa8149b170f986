"""What callers ask for besides reports: all of it is told, and there is always a way on."""

from collections.abc import Callable

import pytest

from ivr.prompts.languages import LanguageCode
from tests.journeys.town import Town

LANGUAGES: tuple[LanguageCode, ...] = ("zh", "en")
Transcript = Callable[..., None]

# domain.md section 2, as a caller must be able to hear it: option keys -> words
TOLD: dict[LanguageCode, dict[str, list[str]]] = {
    "zh": {
        "31": ["本人", "有效身份证件", "银行网点柜台", "社保功能和银行功能都停用", "补卡"],
        "32": ["本人", "有效身份证件", "银行网点", "社保功能", "自动恢复"],
        "33": ["社会保障中心", "电子社保卡", "本人授权"],
        "41": [
            "单位", "工作日", "税务部门", "市或区社会保障中心", "审核证明", "身份证复印件",
            "一张近期一寸免冠彩色照片", "领卡", "回执", "身份证原件",
        ],
        "42": ["一张近期一寸彩色照片", "申请表", "居委会", "村委会", "学校"],
    },
    "en": {
        "31": ["in person", "valid ID", "counter of the bank", "Both functions", "replaced"],
        "32": ["valid ID", "branch of the bank", "social security function", "by itself"],
        "33": ["social security centre", "authorise", "pensions"],
        "41": [
            "employer", "tax office", "working day", "municipal or district social security centre",
            "audit certificate", "copy of the insured person's ID card",
            "one recent one-inch bareheaded colour photo", "receipt notice", "original ID card",
        ],
        "42": [
            "one recent one-inch colour photo", "application form", "village committee", "school",
        ],
    },
}  # fmt: skip
NAMES = {
    "31": "formal loss", "32": "decoupling", "33": "reissue",
    "41": "first card for employees", "42": "first card for residents",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("option", NAMES)
def test_guidance(town: Town, transcript: Transcript, language: LanguageCode, option: str) -> None:
    person = town.someone(language).calls().presses(option[0]).presses(option[1])
    for words in TOLD[language][option]:
        person.hears(words)
    person.hears_prompt("menu_help").presses("9").hears(TOLD[language][option][0])
    person.presses("*").hears_prompt("card_services" if option[0] == "3" else "first_card")
    person.presses("*").hears_prompt("main_menu").hangs_up()
    transcript(person, NAMES[option])

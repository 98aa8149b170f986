// Puts the parts together: language, live connection, phone, people, case, bank, requests.

import { showBanks } from "./bank.js";
import { showCase } from "./case.js";
import { $ } from "./dom.js";
import { showPeople } from "./people.js";
import { Phone } from "./phone.js";
import { Live } from "./stream.js";
import { showTexts } from "./texts.js";
import { showTurns } from "./turns.js";
import { language, onLanguage, speak, t } from "./words.js";

const LINK_WORDS = { live: "linked", waiting: "linking", lost: "unlinked" };

function showLink(state) {
  $("link").dataset.state = state;
  $("link-words").textContent = t(LINK_WORDS[state]);
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
onLanguage(() => {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  showLink($("link").dataset.state);
});

const live = new Live(showLink);
const phone = new Phone(live);
showTexts(live);
showTurns(live);
showCase(live);
showBanks(live);
speak(language);

const { people } = await live.open();
showPeople(live, phone, people);
document.documentElement.dataset.ready = "yes";

// The made-up cardholders: one click makes it their phone and keys in the ID number.

import { $, el } from "./dom.js";
import { onLanguage, t } from "./words.js";

const FIRST_SHOWN = 10;
const NORMAL = 1;

export function showPeople(live, phone, people) {
  let all = false;
  let owner = null;

  const play = async (person) => {
    await live.act("owner", { person: person.place });
    $("keyed").scrollIntoView({ block: "nearest" });
    if (phone.inCall) phone.type(person.keys);
    else $("call-state").textContent = t("call_first");
  };

  const show = () => {
    const shown = people.filter((person) => all || person.place < FIRST_SHOWN || person.place === owner);
    $("people").replaceChildren(...shown.map((person) => chip(person, person.place === owner, play)));
    $("more-people").hidden = people.length <= FIRST_SHOWN;
    $("more-people").setAttribute("aria-expanded", String(all));
    $("more-people").textContent = all ? t("fewer_people") : t("all_people", people.length);
  };

  $("more-people").addEventListener("click", () => { all = !all; show(); });
  live.on("phone", (state) => {
    owner = state.owner;
    for (const item of $("people").children) {
      item.firstElementChild.setAttribute("aria-pressed", String(Number(item.dataset.place) === owner));
    }
  });
  onLanguage(show);
}

function chip(person, chosen, play) {
  const spaced = person.keys.replace("*", "X").replace(/^(.{6})(.{8})(.{4})$/, "$1 $2 $3");
  return el("li", { "data-place": person.place },
    el("button", {
      type: "button", class: "person", "aria-pressed": String(chosen), "data-act": "play",
      onclick: () => play(person),
    },
      el("span", { class: "person-name" }, person.name),
      ...tags(person).map((words) => el("span", { class: "tag" }, words)),
      el("span", { class: "person-id" }, spaced)));
}

function tags(person) {
  const states = person.card_states.filter((state) => state !== NORMAL);
  return [
    person.card_states.length > 1 && t("tag_cards", person.card_states.length),
    person.is_minor && t("tag_minor"),
    person.keys.endsWith("*") && t("tag_x"),
    ...states.map((state) => t(`tag_${state}`)),
  ].filter(Boolean);
}

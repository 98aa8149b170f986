// The second screen: texts from the hotline, and answers to it.

import { $, el, followEnd, keyed } from "./dom.js";
import { onLanguage, t, timeOfDay } from "./words.js";

const BANNER_MS = 9000;

export function showTexts(live) {
  let messages = [];
  let seen = null;
  let unread = 0;
  let wasInCall = false;

  const show = () => {
    followEnd($("screen-texts"), () => keyed($("texts"), messages, keyOf, bubbleOf));
    $("no-texts").hidden = messages.length > 0;
  };

  live.on("texts", ({ items, fate: next }) => {
    $("fate").value = next;
    const received = items.filter((m) => m.direction !== "inbound");
    const fresh = seen === null ? [] : received.filter((m) => m.number > seen);
    const isOwner = messages.length === 0 || sameOwner(messages, items);
    seen = Math.max(seen ?? 0, ...received.map((m) => m.number));
    messages = items;
    show();
    if (isOwner && fresh.length) arrive(fresh.at(-1), fresh.length);
  });

  const arrive = (message, count) => {
    if (!$("screen-texts").hidden) return;
    unread += count;
    badge();
    const banner = $("banner");
    banner.replaceChildren(el("p", {}, el("strong", {}, "12333"), " ", el("span", { lang: langOfText(message.body) }, message.body)));
    clearTimeout(banner.timer);
    banner.timer = setTimeout(() => banner.replaceChildren(), BANNER_MS);
  };

  const badge = () => {
    $("unread").hidden = unread === 0;
    $("unread").textContent = String(unread);
  };

  const choose = (name) => {
    for (const tab of [$("tab-call"), $("tab-texts")]) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (name === "texts") {
      unread = 0;
      badge();
      $("banner").replaceChildren();
      $("screen-texts").scrollTop = $("screen-texts").scrollHeight;
    }
  };

  $("banner").addEventListener("click", () => choose("texts"));
  for (const [tab, other] of [["call", "texts"], ["texts", "call"]]) {
    $(`tab-${tab}`).addEventListener("click", () => choose(tab));
    $(`tab-${tab}`).addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      choose(other);
      $(`tab-${other}`).focus();
    });
  }

  $("fate").addEventListener("change", () => {
    live.act("fate", { fate: $("fate").value }).catch(() => {});
  });

  $("answer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("answer-text").value.trim();
    if (!text) return;
    $("answer-text").value = "";
    await live.act("texts", { text }).catch(() => {});
  });

  live.on("phone", (state) => {
    const inCall = Boolean(state.call && !state.call.ended);
    if (inCall && !wasInCall) choose("call");
    wasInCall = inCall;
  });
  onLanguage(show);
}

const sameOwner = (before, after) => after.some((m) => m.sid === before[0].sid);

const langOfText = (text) => (/[一-鿿]/.test(text) ? "zh-CN" : "en");

const NOT_ARRIVED = ["undelivered", "failed"];

// A text that did not arrive is drawn anew; one that did stays the same.
const keyOf = (m) => (NOT_ARRIVED.includes(m.status) ? `${m.sid}!` : m.sid);

function bubbleOf(message) {
  const mine = message.direction === "inbound";
  const when = timeOfDay(Date.parse(message.at) / 1000);
  return el("li", { class: mine ? "caller" : "line" },
    el("p", { class: "bubble", lang: langOfText(message.body) }, message.body),
    el("p", { class: "when" }, mine ? `${when} · ${fate(message.status)}` : arrival(when, message.status)));
}

function fate(status) {
  if (status === "delivered") return t("sent");
  const http = /^HTTP (\d+)$/.exec(status);
  return http ? t("not_taken", http[1]) : t("not_sent", status);
}

function arrival(when, status) {
  return NOT_ARRIVED.includes(status) ? `${when} · ${t("not_arrived")}` : when;
}

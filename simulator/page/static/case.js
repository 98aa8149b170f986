// What the hotline keeps of the card: both functions, the key with its life, every notice.

import { $, el, keyed } from "./dom.js";
import { dateTime, knows, onLanguage, t, timeOfDay } from "./words.js";

const WEEK_MS = 604_800_000;
const STEPS = ["notified", "received", "blocked"];
const KINDS = {
  "card.loss_reported": "kind_reported", "card.loss_released": "kind_released",
  "card.report_disputed": "kind_disputed", "card.report_withdrawn": "kind_withdrawn",
  text: "kind_text", ping: "kind_ping",
};

export function showCase(live) {
  let told = { reachable: true, case: null };
  let heardAt = 0;

  live.on("case", (news) => {
    told = news;
    heardAt = performance.now();
    show();
  });

  const show = () => {
    const parts = !told.reachable ? [{ part: "trouble" }] : !told.case ? [{ part: "none" }] : partsOf(told.case);
    keyed($("case"), parts, (part) => part.part, (part) => MAKERS[part.part](part, live));
    tick();
  };

  const tick = () => {
    if (!told.case) return;
    const passed = performance.now() - heardAt;
    countDown(told.case.ttl_ms - passed);
    const now = told.case.now + passed / 1000;
    for (const due of document.querySelectorAll("[data-due]")) {
      const left = Math.ceil(Number(due.dataset.due) - now);
      due.textContent = left > 0 ? t("next_try", left) : t("trying");
    }
  };

  setInterval(tick, 250);
  onLanguage(show);
}

/** Only what a part shows, so that it is made anew only when that changes. */
function partsOf({ key, ttl_ms: ttl, loss, block, report, notices }) {
  const life = ttl >= 0 ? "running" : ttl === -1 ? "endless" : "gone";
  return [
    { part: "functions", life, loss, block, report: report?.state ?? null },
    { part: "facts", key, life, report },
    { part: "notices", notices },
  ];
}

const MAKERS = {
  trouble: () => el("p", { class: "trouble" }, t("case_unreachable")),
  none: () => el("p", { class: "quiet-line" }, t("case_none")),
  functions: ({ life, loss, block, report }, live) => el("div", { class: "functions" },
    socialTile(life, loss, report, live), bankTile(block)),
  facts: ({ key, life, report }) => facts(key, life, report),
  notices: ({ notices }) => notices.length === 0 ? el("div", {}) : el("div", {},
    el("h3", {}, t("notices")), el("ol", { class: "notices" }, ...notices.map(noticeRow))),
};

function socialTile(life, loss, report, live) {
  const state = life === "endless" ? "formal" : life === "running" ? "suspended"
    : report === "released" ? "released" : "active";
  const note = { formal: "formal_note", released: "released_note", active: "no_report_note" }[state];
  return el("div", { class: "tile", "data-state": state },
    el("h3", {}, t("social")),
    el("p", { class: "tile-state" }, t(`social_${state}`)),
    state === "suspended" ? countdown(loss, live) : el("p", { class: "tile-note" }, t(note)));
}

function countdown(loss, live) {
  return el("div", { class: "countdown" },
    el("p", { class: "left" }, el("span", { class: "tile-note" }, t("left")), " ", el("strong", { id: "left" })),
    el("progress", { id: "life", max: WEEK_MS, value: 0, "aria-label": t("left") }),
    el("p", { class: "tile-note" }, t("until", dateTime(loss.release_at))),
    el("button", {
      type: "button", class: "plain", id: "seven-days", "data-act": "seven-days", title: t("seven_days_note"),
      onclick: () => live.act("seven-days-later").catch(() => {}),
    }, t("seven_days")));
}

function countDown(ms) {
  if (!$("left")) return;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const clock = [seconds % 86400 / 3600, seconds % 3600 / 60, seconds % 60].map((n) => two(Math.floor(n))).join(":");
  $("left").textContent = t("days", Math.floor(seconds / 86400), clock);
  $("life").value = ms;
  if ($("ttl")) $("ttl").textContent = t("seconds", seconds.toLocaleString("en"));
}

function bankTile(block) {
  const state = block?.state ?? "none";
  const reached = STEPS.indexOf(state);
  return el("div", { class: "tile", "data-state": state },
    el("h3", {}, t("financial")),
    el("p", { class: "tile-state" }, t(`block_${state}`)),
    reached >= 0 ? el("ol", { class: "steps" }, ...STEPS.map((step, place) =>
      el("li", { class: place <= reached ? "done" : null, "aria-current": place === reached ? "step" : null },
        t(`step_${step}`)))) : null,
    el("p", { class: "tile-note" }, t(`block_note_${state}`)));
}

function facts(key, life, report) {
  const rows = report ? [
    [t("report_number"), el("strong", { class: "report-number" }, report.number.replace(/^(....)/, "$1 "))],
    [t("report_state"), t(`report_${report.state}`)],
    [t("card"), report.card_last4],
    [t("reported_at"), `${dateTime(report.reported_at)}`],
  ] : [];
  const ttl = { running: "", endless: t("ttl_endless"), gone: t("ttl_gone") }[life];
  return el("dl", { class: "facts" },
    ...rows.map(fact), fact([t("ttl"), el("code", { id: life === "running" ? "ttl" : null }, ttl)]),
    fact([t("key"), el("code", {}, key), "wide"]));
}

const fact = ([name, value, kind]) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value));

function noticeRow(notice) {
  return el("li", { "data-state": notice.state, "data-kind": notice.kind },
    el("div", { class: "notice-head" },
      el("span", { class: "notice-kind" }, t(KINDS[notice.kind] ?? notice.kind)),
      el("span", { class: "chip", "data-state": notice.state }, t(`notice_${notice.state}`)),
      notice.due && notice.state === "open" ? el("span", { class: "due", "data-due": notice.due }) : null,
      el("code", { class: "id" }, notice.id)),
    notice.attempts.length ? el("ol", { class: "attempts" }, ...notice.attempts.map(attemptRow)) : null);
}

function attemptRow(attempt, place) {
  const outcome = knows(`outcome_${attempt.outcome}`) ? t(`outcome_${attempt.outcome}`) : attempt.outcome;
  const answer = attempt.status ? `HTTP ${attempt.status}` : attempt.answer || t("no_answer");
  return el("li", { "data-outcome": attempt.outcome },
    el("span", {}, t("attempt", place + 1)), el("span", {}, timeOfDay(attempt.at)),
    el("span", { class: "outcome" }, outcome), el("span", {}, answer), el("span", {}, `${attempt.milliseconds} ms`));
}

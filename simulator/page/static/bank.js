// The bank: its accounts, a teller's two acts, how its system behaves, what came in and went out.

import { $, el, keyed, post, segments } from "./dom.js";
import { knows, onLanguage, pick, t, timeOfDay } from "./words.js";

const BEHAVIOURS = ["normal", "slow", "failing", "down"];
const EVENTS = {
  "financial_function.blocked": "event_blocked", "financial_function.unblocked": "event_unblocked",
  "formal_loss.reported": "event_formal", "temporary_loss.reported": "event_taken",
  "financial_function.block_lapsed": "event_lapsed", "formal_loss.withdrawn": "event_formal_withdrawn",
  "card.replaced": "event_replaced",
};
// What may happen to an account besides a teller's two acts, by how it stands.
const MORE = { active: ["take-report", "replace"], blocked: ["lapse", "replace"], formal: ["withdraw-formal-loss", "replace"] };
const KINDS = { "card.loss_reported": "kind_reported", "card.loss_released": "kind_released",
  "card.report_disputed": "kind_disputed", "card.report_withdrawn": "kind_withdrawn", ping: "kind_ping" };

export function showBanks(live) {
  let told = { reachable: true, banks: [] };
  let chosen = "";
  let ofCase = "";
  let report = "";

  live.on("banks", (news) => { told = news; show(); });

  /** A case at another bank brings that bank to the front, once. */
  live.on("case", (news) => {
    const block = news.case?.block;
    report = block?.report_number ?? "";
    if (block && block.bank !== ofCase) chosen = block.bank;
    ofCase = block?.bank ?? ofCase;
    show();
  });

  const act = async (what, words) => {
    try {
      await post(`/simulator/banks/${chosen}/${what}`, words);
      $("bank-answer").textContent = "";
    } catch (error) {
      $("bank-answer").textContent = error.message;
    }
  };

  const show = () => {
    $("bank-trouble").hidden = told.reachable;
    const bank = told.banks.find((one) => one.id === chosen) ?? told.banks[0];
    if (!bank) return;
    chosen = bank.id;
    segments($("banks"), told.banks.map((one) => ({
      id: one.id, words: pick(one.name), note: one.counts.blocked ? String(one.counts.blocked) : "",
    })), chosen, (id) => { chosen = id; $("bank-answer").textContent = ""; show(); });
    showBehaviour(bank, (behaviour) => act("behaviour", { behaviour }));
    const accounts = [...bank.accounts].sort((a, b) => isOf(b, report) - isOf(a, report));
    keyed($("accounts"), accounts.map((account) => ({ ...account, current: isOf(account, report) })),
      (account) => account.id, (account) => accountRow(account, act, live));
    rows($("receipts"), bank.receipts, (row) => row.number, receiptRow);
    rows($("events"), bank.events, (row) => row.event_id, eventRow);
  };

  onLanguage(show);
}

const isOf = (account, report) => Boolean(report) && (account.by_report === report || account.settled_report === report);

function showBehaviour(bank, choose) {
  const known = BEHAVIOURS.includes(bank.behaviour);
  const choices = BEHAVIOURS.map((id) => ({
    id, words: t(`behaviour_${id}`), note: knows(`behaviour_note_${id}`) ? t(`behaviour_note_${id}`) : "",
  }));
  if (!known) choices.push({ id: bank.behaviour, words: t("behaviour_other", bank.behaviour), note: "" });
  segments($("behaviours"), choices, bank.behaviour, choose);
}

function accountRow(account, act, live) {
  const state = account.formal_loss ? "formal" : account.blocked ? "blocked" : "active";
  const who = `${account.holder_name} ${account.card}`;
  return el("li", { class: account.current ? "current" : null, "data-state": state, "data-card": account.card },
    el("div", { class: "account-who" },
      el("span", { class: "account-name" }, account.holder_name),
      el("span", { class: "account-numbers" }, t("account_of", account.card, account.account))),
    el("span", { class: "chip", "data-state": state }, t(`account_${state}`)),
    account.by_report ? el("button", {
      type: "button", class: "linkish", "data-act": "look", "aria-label": t("look_at", account.by_report),
      onclick: () => live.act("look-at", { report: account.by_report }).catch(() => {}),
    }, account.by_report) : el("span", {}),
    el("div", { class: "acts" },
      el("button", {
        type: "button", class: "plain", "data-act": "unblock", disabled: state !== "blocked",
        "aria-label": `${t("unblock")} ${who}`, onclick: () => act("unblock", { account: account.id }),
      }, t("unblock")),
      el("button", {
        type: "button", class: "plain", "data-act": "formal-loss", disabled: state === "formal",
        "aria-label": `${t("formal_loss")} ${who}`, onclick: () => act("formal-loss", { account: account.id }),
      }, t("formal_loss")),
      ...MORE[state].map((visit) => el("button", {
        type: "button", class: "plain", "data-act": visit,
        "aria-label": `${t(visit)} ${who}`, onclick: () => act(visit, { account: account.id }),
      }, t(visit)))));
}

function rows(list, items, key, make) {
  if (items.length) keyed(list, items, key, make);
  else keyed(list, [{ nothing: true }], () => "nothing", () => el("li", { class: "nothing" }, t("nothing_yet")));
}

function receiptRow(row) {
  return el("li", {},
    el("span", { class: "row-time" }, timeOfDay(Date.parse(row.received_at) / 1000)),
    el("span", { class: "row-words" }, `${t(KINDS[row.type] ?? row.type ?? "")} · ${t(`effect_${row.effect}`)}`),
    el("span", { class: `status ${row.status >= 200 && row.status < 300 ? "good" : "bad"}` }, row.status ? String(row.status) : t("no_answer")),
    el("span", { class: "row-note" }, [row.report_number, row.verified ? t("verified") : t("unverified")].filter(Boolean).join(" · ")));
}

function eventRow(row) {
  const status = row.attempts.at(-1);
  return el("li", {},
    el("span", { class: "row-time" }, timeOfDay(Date.parse(row.timestamp) / 1000)),
    el("span", { class: "row-words" }, t(EVENTS[row.type] ?? row.type)),
    el("span", { class: `status ${row.state === "delivered" ? "good" : row.state === "waiting" ? "" : "bad"}` },
      status ? String(status) : "…"),
    el("span", { class: "row-note" }, t(`event_${row.state}`)));
}

// Every request of the call with its answer, TwiML in colour.

import { $, el, keyed } from "./dom.js";
import { onLanguage, t } from "./words.js";

export function showTurns(live) {
  let turns = [];
  const show = () => {
    keyed($("turns"), turns, (turn) => turn.number, row);
    $("no-turns").hidden = turns.length > 0;
  };
  live.on("exchanges", ({ call, from, items }) => {
    if (from === 0) turns = [];
    const numbered = items.map((turn, place) => ({ ...turn, call, number: from + place + 1 }));
    turns = [...numbered.reverse(), ...turns];
    show();
  });
  onLanguage(show);
}

function row(turn) {
  const good = turn.status >= 200 && turn.status < 300;
  return el("li", {}, el("details", {},
    el("summary", {},
      el("span", { class: "turn-number" }, String(turn.number)),
      el("code", { class: "turn-target" }, `${turn.method} ${turn.target}`),
      turn.parameters.Digits ? el("kbd", {}, turn.parameters.Digits) : null,
      el("span", { class: `status ${good ? "good" : "bad"}` }, turn.failure || String(turn.status)),
      el("span", { class: "ms" }, `${turn.ms} ms`)),
    el("h3", {}, t("sent_parameters")),
    el("dl", { class: "parameters" }, ...Object.entries(turn.parameters).flatMap(([name, value]) => [
      el("dt", {}, name), el("dd", {}, value)])),
    el("h3", {}, t("answered")),
    el("pre", { class: "twiml", tabindex: "0", "aria-label": "TwiML", role: "region" }, body(turn.body))));
}

function body(text) {
  if (!text.trim()) return t("no_body");
  const parsed = new DOMParser().parseFromString(text, "text/xml");
  if (parsed.querySelector("parsererror")) return text;
  const out = document.createDocumentFragment();
  write(parsed.documentElement, 0, out);
  return out;
}

const mark = (kind, text) => el("span", { class: `x-${kind}` }, text);

/** One verb a line; text and its <sub> stay together, as they are heard. */
function write(node, depth, out) {
  const indent = "  ".repeat(depth);
  out.append(indent, ...opening(node));
  const blocks = [...node.children].some((child) => /^[A-Z]/.test(child.tagName));
  if (blocks) {
    out.append("\n");
    for (const child of node.children) write(child, depth + 1, out);
    out.append(indent);
  } else {
    inline(node, out);
  }
  if (node.childNodes.length) out.append(mark("tag", `</${node.tagName}>`));
  out.append("\n");
}

function inline(node, out) {
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) { out.append(mark("text", child.data)); continue; }
    if (child.nodeType !== Node.ELEMENT_NODE) continue;
    out.append(...opening(child));
    inline(child, out);
    if (child.childNodes.length) out.append(mark("tag", `</${child.tagName}>`));
  }
}

function opening(node) {
  const attributes = [...node.attributes].flatMap(({ name, value }) => [
    " ", mark("name", name), "=", mark("value", `"${value}"`)]);
  return [mark("tag", `<${node.tagName}`), ...attributes, mark("tag", node.childNodes.length ? ">" : "/>")];
}

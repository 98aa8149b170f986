// Small tools for building and updating the page. Nothing here knows what is shown.

export const $ = (id) => document.getElementById(id);

/** An element: `el("p", {class: "note", onclick: f}, "text", child)`. null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/**
 * Brings a list up to date: an item that did not change keeps its element, so that focus, open
 * details and screen readers are left alone. `version` is whatever the element was made from.
 */
export function keyed(list, items, key, make) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const version = JSON.stringify(item) + document.documentElement.lang;
    const known = old.get(name);
    if (known && known.version === version) return known;
    const made = make(item);
    made.dataset.key = name;
    made.version = version;
    if (known) keepFocus(known, made);
    return made;
  });
  if (wanted.length === list.children.length && wanted.every((e, i) => e === list.children[i])) return;
  const focused = wanted.find((element) => element.wantsFocus);
  list.replaceChildren(...wanted);
  if (focused) focusAgain(focused);
}

function keepFocus(before, after) {
  if (before.contains(document.activeElement)) {
    after.wantsFocus = document.activeElement.dataset.act || "self";
  }
}

function focusAgain(element) {
  const same = element.querySelector(`[data-act="${element.wantsFocus}"]:not([disabled])`);
  delete element.wantsFocus;
  if (!same) element.tabIndex = -1;
  (same || element).focus({ preventScroll: true });
}

/** One of several buttons is pressed. */
export function segments(group, choices, chosen, choose) {
  keyed(group, choices.map((choice) => ({ ...choice, pressed: choice.id === chosen })), (c) => c.id, (c) =>
    el("button", {
      type: "button", "aria-pressed": String(c.pressed), "data-act": c.id, onclick: () => choose(c.id),
    }, c.words, c.note ? el("span", { class: "segment-note" }, c.note) : null));
}

/** Follows the end of a scrolled pane, unless the reader has scrolled up. */
export function followEnd(pane, change) {
  const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 60;
  change();
  if (atEnd) pane.scrollTop = pane.scrollHeight;
}

/** POSTs JSON; the answer's JSON, or throws with the server's words. */
export async function post(path, told = {}) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text ? JSON.parse(text).title : `HTTP ${answer.status}`);
  return text ? JSON.parse(text) : {};
}

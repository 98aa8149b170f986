// The phone: keypad and keyboard, call button and timer, what is said as bubbles.

import { $, el, followEnd } from "./dom.js";
import { Voice } from "./voice.js";
import { onLanguage, t } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ" };
const TYPING_MS = 110;
const SHOWN_MS = 160;
const LONGEST_MENU_KEYS = 4;
const NOTES = {
  silence: "silence", dialled: "dialled", connected: "connected", "not connected": "not_connected",
  "far end left": "far_left", queued: "queued",
};
const AGENTS = ["takes", "refuses", "voicemail", "busy", "silent"];
const ENDINGS = { "caller hung up": "ended_caller", "line hung up": "ended_line" };

export class Phone {
  constructor(live) {
    this.live = live;
    this.voice = new Voice(() => this.show());
    this.state = null;
    this.events = [];
    this.call = "";
    this.waiting = "";
    this.sending = false;
    this.typing = 0;
    this.keyed = "";
    this.dialled = false;
    this.heardAt = 0;
    this.buildKeypad();
    this.listen();
    setInterval(() => this.showTimer(), 250);
    onLanguage(() => { this.show(); this.showAll(); });
  }

  get inCall() { return Boolean(this.state?.call && !this.state.call.ended); }

  // Acting

  press(key) {
    this.flash(key);
    if (!this.inCall) return;
    this.keyed = (this.keyed + key).slice(-18);
    $("keyed").textContent = this.keyed;
    this.voice.hush();
    this.waiting += key;
    this.flush();
  }

  /** One request at a time, so that keys arrive in the order in which they were pressed. */
  async flush() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting) {
      const keys = this.waiting.slice(0, 32);
      this.waiting = this.waiting.slice(keys.length);
      await this.live.act("keys", { keys }).catch(() => {});
    }
    this.sending = false;
  }

  /** Keys in a row, as a person would press them, for everybody to see. */
  async type(keys) {
    const turn = ++this.typing;
    this.keyed = "";
    for (const key of keys) {
      if (turn !== this.typing || !this.inCall) return;
      this.press(key);
      await new Promise((done) => setTimeout(done, TYPING_MS));
    }
  }

  async toggleCall() {
    $("call").disabled = true;
    try {
      this.dialled = !this.inCall;
      await this.live.act(this.inCall ? "hang-up" : "call");
    } catch { /* the state that follows tells what is true */ }
    $("call").disabled = false;
    $("call").focus({ preventScroll: true });
  }

  // Listening

  listen() {
    this.live.on("phone", (state) => {
      this.heardAt = performance.now();
      this.state = state;
      this.live.inCall = this.inCall;
      this.voice.hurried = state.fast;
      this.show();
    });
    this.live.on("transcript", (told) => this.hear(told));
    $("call").addEventListener("click", () => this.toggleCall());
    $("mute").addEventListener("click", () => { this.voice.mute(!this.voice.muted); this.show(); });
    $("fast").addEventListener("click", () => this.live.act("pace", { fast: !this.state?.fast }));
    this.buildAgents();
    $("speech").addEventListener("submit", (event) => this.speak(event));
    document.addEventListener("keydown", (event) => this.takeKey(event));
  }

  async speak(event) {
    event.preventDefault();
    const text = $("speech-text").value.trim();
    if (!text || !this.inCall) return;
    const sureness = $("speech-sureness").value;
    this.voice.hush();
    await this.live.act("speech", { text, confidence: sureness ? Number(sureness) : null }).catch(() => {});
    $("speech-text").value = "";
  }

  buildAgents() {
    for (const name of AGENTS) {
      $("agents").append(el("button", { type: "button", "data-agent": name, "aria-pressed": "false",
        onclick: () => this.live.act("agent", { agent: name }) }));
    }
  }

  takeKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select")) return;
    const key = event.key.toLowerCase() === "x" ? "*" : event.key;
    if (!KEYS.includes(key)) return;
    event.preventDefault();
    this.press(key);
  }

  hear({ call, from, items }) {
    const isNew = from > 0 || (call !== this.call && this.dialled);
    if (from === 0) {
      if (call !== this.call) this.typing += 1;
      this.call = call;
      this.events = [];
      $("prompts").replaceChildren();
    }
    followEnd($("screen-call"), () => {
      for (const event of items) {
        this.add(event);
        if (isNew) this.sound(event);
      }
    });
  }

  sound(event) {
    if (event.kind === "said") { this.clearKeyed(); this.voice.say(event.text, event.language); }
    if (event.kind === "played") { this.clearKeyed(); this.voice.play(event.text); }
    if (event.kind === "ended") this.voice.hush();
  }

  // Showing

  add(event) {
    this.events.push(event);
    const last = $("prompts").lastElementChild;
    if (event.kind === "pressed" && last?.dataset.kind === "pressed") {
      last.keys += event.text;
      last.querySelector(".bubble").textContent = shownKeys(last.keys);
      return;
    }
    const item = bubble(event);
    if (item) $("prompts").append(item);
  }

  showAll() {
    const events = this.events;
    this.events = [];
    $("prompts").replaceChildren();
    for (const event of events) this.add(event);
  }

  show() {
    const call = this.state?.call;
    const state = !call ? "idle" : call.state;
    $("owner").textContent = this.state?.number ?? "";
    $("call-state").textContent = t(`state_${state}`);
    $("quiet").hidden = Boolean(call);
    const words = t(this.inCall ? "hang_up" : "call");
    $("call").dataset.state = this.inCall ? "talking" : "idle";
    $("call-words").textContent = words;
    $("call").title = words;
    $("fast").setAttribute("aria-pressed", String(Boolean(this.state?.fast)));
    $("fast").title = t("fast_hint");
    $("mute").setAttribute("aria-pressed", String(this.voice.muted));
    $("voice-hint").hidden = this.voice.able;
    $("timer").setAttribute("aria-label", t("call_time"));
    for (const button of $("agents").children) {
      button.textContent = t(`agent_${button.dataset.agent}`);
      button.setAttribute("aria-pressed", String(this.state?.agent === button.dataset.agent));
    }
    if (!this.inCall) this.clearKeyed();
    this.showTimer();
  }

  clearKeyed() {
    this.keyed = "";
    $("keyed").textContent = "";
  }

  showTimer() {
    const call = this.state?.call;
    if (!call) return;
    const passed = call.ended ? 0 : ((performance.now() - this.heardAt) / 1000) * call.pace;
    const seconds = Math.floor(this.state.seconds + passed);
    const two = (number) => String(number).padStart(2, "0");
    $("timer").textContent = `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
  }

  flash(key) {
    const button = document.querySelector(`[data-digit="${CSS.escape(key)}"]`);
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), SHOWN_MS);
  }

  buildKeypad() {
    for (const key of KEYS) {
      const button = el("button", { type: "button", "data-digit": key, onclick: () => this.press(key) },
        el("span", { class: "digit" }, key === "*" ? "✱" : key),
        el("span", { class: "letters", "aria-hidden": "true" }, LETTERS[key] ?? ""));
      $("keypad").append(button);
    }
    onLanguage(() => {
      for (const button of $("keypad").children) {
        const names = { "*": t("star"), "#": t("hash") };
        button.setAttribute("aria-label", names[button.dataset.digit] ?? button.dataset.digit);
      }
    });
  }
}

/** A long run of keys is an ID number: only its last four are left on the screen. */
function shownKeys(keys) {
  const hidden = keys.length - LONGEST_MENU_KEYS;
  return hidden > 0 ? "•".repeat(hidden) + keys.slice(hidden) : keys;
}

function bubble(event) {
  if (event.kind === "said") {
    return item("line", el("p", { class: "bubble", lang: langOf(event.language) }, event.text));
  }
  if (event.kind === "pressed") {
    const made = item("caller", el("p", { class: "bubble" }, shownKeys(event.text)));
    made.dataset.kind = "pressed";
    made.keys = event.text;
    return made;
  }
  if (event.kind === "spoke") return item("caller", el("p", { class: "bubble" }, event.text));
  if (event.kind === "whispered") return item("note", el("p", {}, t("whispered") + event.text));
  if (event.kind === "far end pressed") return item("note", el("p", {}, t("far_pressed") + event.text));
  if (event.kind === "warning" || event.kind === "error") {
    return item(`note ${event.kind}`, el("p", { lang: "en" }, event.text));
  }
  if (event.kind === "ended") return item("note", el("p", {}, t(ENDINGS[event.text] ?? "ended")));
  if (event.kind === "played") return recording(event.text);
  return event.kind in NOTES ? item("note", el("p", {}, t(NOTES[event.kind]))) : null;
}

/** What was played, to be heard again; tones (`<Play digits>`) have no file. */
function recording(url) {
  const name = el("p", {}, `${t("played")} ${url.replace(/\?.*/, "").split("/").slice(-2).join("/")}`);
  if (!/^https?:/.test(url)) return item("note", name);
  return item("note", name, el("audio", { src: url, controls: true, preload: "none" }));
}

const item = (kind, ...children) => el("li", { class: kind }, ...children);

/** TwiML's cmn-CN is zh-CN to browsers and screen readers. */
export const langOf = (language) => language.replace(/^cmn/, "zh");

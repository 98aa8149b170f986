// The live connection: one EventSource, handed out by event name, that comes back by itself.

import { post } from "./dom.js";

const REMEMBERED = "phone";
const NAMES = ["phone", "transcript", "exchanges", "case", "banks", "texts"];
const STILL_HERE_MS = 20_000;

export class Live {
  constructor(onState) {
    this.onState = onState;
    this.listeners = {};
    this.inCall = false;
    this.source = null;
    this.id = "";
  }

  /** Takes this tab's phone: the earlier one after a reload. */
  async open() {
    const told = await post("/simulator/phones", { id: sessionStorage.getItem(REMEMBERED) || "" });
    this.id = told.id;
    sessionStorage.setItem(REMEMBERED, told.id);
    this.connect();
    document.addEventListener("visibilitychange", () => this.attend());
    setInterval(() => this.stillHere(), STILL_HERE_MS);
    return told;
  }

  /** Several may listen to the same name. */
  on(name, listener) { (this.listeners[name] ??= []).push(listener); }

  act(what, told) { return post(`/simulator/phones/${this.id}/${what}`, told); }

  connect() {
    if (this.source) this.source.close();
    this.onState("waiting");
    this.source = new EventSource(`/simulator/phones/${this.id}/live`);
    this.source.onopen = () => this.onState("live");
    this.source.onerror = () => this.lost();
    for (const name of NAMES) {
      this.source.addEventListener(name, (event) => this.tell(name, JSON.parse(event.data)));
    }
  }

  tell(name, news) {
    for (const listener of this.listeners[name] ?? []) listener(news);
  }

  /** EventSource retries by itself; a server that was restarted no longer knows the phone. */
  lost() {
    this.onState("lost");
    if (this.source.readyState === EventSource.CLOSED) setTimeout(() => this.takeAnother(), 1000);
  }

  async takeAnother() {
    try {
      const told = await post("/simulator/phones", { id: this.id });
      this.id = told.id;
      sessionStorage.setItem(REMEMBERED, told.id);
      this.connect();
    } catch {
      setTimeout(() => this.takeAnother(), 1000);
    }
  }

  /** Browsers keep six connections to one host: a hidden tab without a call gives its own back. */
  attend() {
    if (document.hidden && !this.inCall && this.source) {
      this.source.close();
      this.source = null;
    } else if (!document.hidden && !this.source) {
      this.connect();
    }
  }

  stillHere() {
    if (this.inCall && !this.source) this.act("here").catch(() => {});
  }
}

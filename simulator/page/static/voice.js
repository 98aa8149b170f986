// Reads prompts aloud with the browser's own voices, when it has any for the language, and plays
// recordings.

const REMEMBERED = "muted";
const synthesis = window.speechSynthesis;

export class Voice {
  /** `onVoices`: browsers find their voices some time after the page has loaded. */
  constructor(onVoices) {
    this.muted = localStorage.getItem(REMEMBERED) === "yes";
    this.hurried = false;
    this.audio = new Audio();
    this.voices = [];
    const read = () => { this.voices = synthesis ? synthesis.getVoices() : []; };
    read();
    synthesis?.addEventListener?.("voiceschanged", () => { read(); onVoices(); });
  }

  get able() { return this.voices.some((voice) => /^(zh|cmn|en)/i.test(voice.lang)); }

  mute(muted) {
    this.muted = muted;
    localStorage.setItem(REMEMBERED, muted ? "yes" : "no");
    if (muted) this.hush();
  }

  /** `language` as TwiML names it: cmn-CN, en-US. */
  say(text, language) {
    if (this.muted || this.hurried) return;
    const wanted = /^(cmn|zh)/i.test(language) ? /^(zh|cmn)[-_]?(CN|Hans)?/i : /^en/i;
    const voice = this.voices.find((v) => wanted.test(v.lang) && v.localService)
      || this.voices.find((v) => wanted.test(v.lang));
    if (!voice) return;
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.voice = voice;
    utterance.lang = voice.lang;
    synthesis.speak(utterance);
  }

  /** A recording, from where Twilio fetches it; the next one takes its place. */
  play(url) {
    if (this.muted || this.hurried || !/^https?:/.test(url)) return;
    this.audio.src = url;
    this.audio.play().catch(() => {}); // its bubble has controls of its own
  }

  hush() {
    synthesis?.cancel();
    this.audio.pause();
  }
}

"use strict";
// Everything works without this. It only adds: news by itself, a warning before the visit ends,
// printing, and a form that is not sent twice.

(() => {
  const find = (selector) => document.querySelector(selector);
  const WARN_SECONDS = 120;
  let asked = Date.now();

  const summary = find(".summary");
  if (summary) summary.focus();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 5000);
  });

  const print = find("#print");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }

  const visit = find(".visit");
  const dialog = find("#ending");
  if (visit && dialog) {
    const seconds = Number(visit.dataset.seconds);
    setInterval(() => {
      const left = seconds - (Date.now() - asked) / 1000;
      if (left <= 0) location.href = visit.dataset.ended;
      else if (left <= WARN_SECONDS && !dialog.open) dialog.showModal();
    }, 1000);
    find("#stay").addEventListener("click", async () => {
      const before = asked;
      asked = Date.now();
      dialog.close();
      try {
        await fetch(location.href, { credentials: "same-origin" });
      } catch {
        asked = before;
      }
    });
  }

  const news = find("#news");
  const updates = find("#updates");
  if (news && updates) {
    const began = Date.now();
    let timer = 0;
    const hide = (part) => {
      if (!part.contains(document.activeElement)) part.hidden = true; // nobody loses the place
    };
    const end = () => {
      clearTimeout(timer);
      updates.textContent = updates.dataset.ended;
    };
    const later = () => {
      const age = Date.now() - began;
      if (!news.dataset.waiting) [updates, find("#look")].forEach(hide);
      else if (age > 11 * 60000) end();
      else timer = setTimeout(look, age < 60000 ? 5000 : 30000);
    };
    const show = (fresh) => {
      const [before, after] = [news, fresh].map((part) => [...part.querySelectorAll("section")]);
      const changed = after.filter((card, n) => card.textContent !== before[n]?.textContent);
      if (changed.length) {
        const said = (card) => ["h2", "dl"].map((name) => card.querySelector(name)?.textContent ?? "");
        find("#told").textContent = changed.flatMap(said).join(" ");
      }
      news.replaceChildren(...fresh.childNodes);
      news.dataset.waiting = fresh.dataset.waiting;
    };
    const look = async () => {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        asked = Date.now();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("#news");
        if (!fresh) return end();
        show(fresh);
      } catch {
        // no line just now: the next look may have one
      }
      later();
    };
    updates.hidden = false;
    find("#stop").addEventListener("click", end);
    later();
  }
})();

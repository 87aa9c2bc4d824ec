// The screen "Hello", the first minute: which calendars, which voice, and a sound. Leaving it, however, ends it for good.

import { CalendarStep } from "../hello/calendars.js";
import { SoundStep } from "../hello/sound.js";
import { VoiceStep } from "../hello/voice.js";

/** The name of this screen. */
const NAME = "hello";

/** @typedef {{begin: () => void, end: () => void, forget: () => void}} Step */

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, parts) {
  const steps = section.querySelector(".hello-steps");
  // Without the calendar there is nothing to set up yet.
  if (!(steps instanceof HTMLElement)) return {};
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (steps.querySelector(selector));
  const cards = /** @type {HTMLElement[]} */ ([...steps.querySelectorAll(".hello-step")]);
  const [first, second, third] = /** @type {[HTMLElement, HTMLElement, HTMLElement]} */ (cards);
  const calendars = new CalendarStep(first, parts);
  /** @type {Step[]} */
  const all = [calendars, new VoiceStep(second, parts), new SoundStep(third, parts)];
  let current = -1;

  steps.hidden = false;
  section.querySelector(".hello-no-script")?.remove();
  find(".hello-next").addEventListener("click", () => go(current + 1));
  find(".hello-back").addEventListener("click", () => go(current - 1));
  new MutationObserver(() => left()).observe(document.body, { attributeFilter: ["data-screen"] });
  return {
    // The browser's own way back goes through the steps too.
    shown: () => show(Number(history.state?.[NAME] ?? 0), false),
    changed: () => calendars.refresh(),
    forget: () => all.forEach((step) => step.forget()),
  };

  /** @param {number} step */
  function go(step) {
    history.pushState({ [NAME]: step }, "", location.href);
    show(step, true);
  }

  /** @param {number} step @param {boolean} isAsked whether the user asked for it, who then is led to it */
  function show(step, isAsked) {
    all[current]?.end();
    current = Math.min(Math.max(0, step), all.length - 1);
    const isLast = current === all.length - 1;
    cards.forEach((card, place) => (card.hidden = place !== current));
    steps?.querySelectorAll(".hello-way li").forEach((item, place) => {
      if (place === current) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    find(".hello-back").hidden = current === 0;
    find(".hello-next").hidden = isLast;
    find(".hello-skip").hidden = isLast;
    find(".hello-done").hidden = !isLast;
    all[current]?.begin();
    if (isAsked) cards[current]?.querySelector("h2")?.focus();
  }

  function left() {
    if (document.body.dataset.screen === NAME || current < 0) return;
    all[current]?.end();
    current = -1;
    // Without a network it is shown once more, the next time.
    parts.api.send("PUT", "/v1/me/introduction", undefined, parts.api.prefixes.me).catch(() => {});
  }
}

// The screen "Operator": how this Catflap is. It asks for new numbers while it is shown.

import { create } from "../../lib/dom.js";
import { Lists } from "../operator/lists.js";
import { OverTime } from "../operator/over_time.js";
import { Units } from "../operator/units.js";

const EVERY = 15_000;
const DAYS = 48;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, { api, format, session }) {
  const units = new Units(format.language);
  const lists = new Lists(format, units);
  const note = /** @type {HTMLElement} */ (section.querySelector("#operator-note"));
  const cards = [...section.querySelectorAll("[data-list], [data-counts]")].filter((card) => card instanceof HTMLElement);
  /** @type {Map<HTMLElement, {now: HTMLElement, charts: OverTime | null}>} */
  const bodies = new Map(cards.map((card) => [card, prepared(card)]));
  let hours = 24;
  let asked = 0;
  for (const button of section.querySelectorAll("button[name='hours']")) {
    button.addEventListener("click", () => {
      hours = Number(/** @type {HTMLButtonElement} */ (button).value);
      for (const one of section.querySelectorAll("button[name='hours']")) one.setAttribute("aria-pressed", String(one === button));
      refresh();
    });
  }
  const timer = setInterval(() => {
    if (!section.hidden && document.visibilityState === "visible") refresh();
  }, EVERY);
  return { shown: refresh, forget };

  async function refresh() {
    if (session.signal.aborted) return;
    const mine = ++asked;
    try {
      /** @type {import("../operator/numbers.js").Numbers} */
      const numbers = await api.get(`/v1/operator/numbers?hours=${hours}`, api.prefixes.me);
      // Another range was asked for meanwhile, or the session has ended.
      if (mine !== asked || session.signal.aborted) return;
      for (const [card, body] of bodies) show(card, body, numbers);
      note.textContent = format.word("operator_at", { time: format.time(numbers.at) });
      section.dataset.at = numbers.at;
    } catch {
      if (mine === asked) note.textContent = format.word("operator_away");
    }
  }

  /** @param {HTMLElement} card @param {{now: HTMLElement, charts: OverTime | null}} body @param {import("../operator/numbers.js").Numbers} numbers */
  function show(card, { now, charts }, numbers) {
    const { list, counts } = card.dataset;
    if (list) now.replaceChildren(...lists[/** @type {"grants"} */ (list)](numbers));
    const title = card.querySelector("h2")?.textContent ?? "";
    const { times, counts: all } = numbers.over_time;
    if (counts) charts?.show(title, times, all[counts] ?? [], hours > DAYS);
  }

  /** @param {HTMLElement} card */
  function prepared(card) {
    const now = create("div", "now");
    card.append(now);
    return { now, charts: card.dataset.counts ? new OverTime(card, format, units) : null };
  }

  function forget() {
    clearInterval(timer);
    for (const card of bodies.keys()) card.replaceChildren();
    bodies.clear();
    note.textContent = "";
  }
}

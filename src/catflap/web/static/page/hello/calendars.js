// The step "which calendars": the calendars as they are found, each read or not.

import { delay } from "../../lib/clock.js";
import { create } from "../../lib/dom.js";

/** How often it is looked for calendars while Google is still being read. */
const OFTEN = 2000;

/**
 * @typedef {object} Calendar a part of GET /v1/calendars
 * @property {number} id
 * @property {string} summary
 * @property {string | null} background_color
 * @property {boolean} selected
 * @property {string} state
 */

export class CalendarStep {
  #card;
  #parts;
  #list;
  #note;
  #shown = new AbortController();
  /** @type {Map<number, HTMLInputElement>} */
  #boxes = new Map();
  /** Those that are being saved. @type {Set<number>} */
  #saving = new Set();

  /** @param {HTMLElement} card @param {import("../screens.js").Parts} parts */
  constructor(card, parts) {
    this.#card = card;
    this.#parts = parts;
    this.#list = /** @type {HTMLElement} */ (card.querySelector(".hello-list"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  }

  begin() {
    this.#shown.abort();
    this.#shown = new AbortController();
    this.#look(AbortSignal.any([this.#shown.signal, this.#parts.session.signal]));
  }

  end() {
    this.#shown.abort();
  }

  /** Show what is new, while the step is shown. */
  refresh() {
    if (!this.#card.hidden && !this.#shown.signal.aborted) this.#load().catch(() => {});
  }

  forget() {
    this.end();
    this.#boxes.clear();
    this.#list.replaceChildren();
  }

  /** @param {AbortSignal} signal */
  async #look(signal) {
    while (!signal.aborted) {
      const isComplete = await this.#load().catch(() => false);
      if (isComplete) return;
      await delay(OFTEN, signal).catch(() => {});
    }
  }

  /** @returns {Promise<boolean>} whether all have been read */
  async #load() {
    /** @type {{calendars: Calendar[], accounts: {problem: object | null}[]}} */
    const { calendars, accounts } = await this.#parts.api.get("/v1/calendars");
    const isFailing = accounts.some(({ problem }) => problem);
    const isComplete = calendars.length > 0 && !calendars.some(({ state }) => state === "waiting");
    this.#list.setAttribute("aria-busy", String(!isComplete && !isFailing));
    for (const calendar of calendars) this.#show(calendar);
    if (calendars.length === 0) this.#note.textContent = this.#parts.format.word(isFailing ? "hello_calendars_fail" : "hello_calendars_wait");
    else if (!this.#note.dataset.isAnswer) this.#note.textContent = "";
    return isComplete;
  }

  /** @param {Calendar} calendar */
  #show({ id, summary, background_color: colour, selected }) {
    const known = this.#boxes.get(id);
    if (known) {
      if (!this.#saving.has(id)) known.checked = selected;
      return;
    }
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = selected;
    const dot = create("span", "hello-dot");
    if (colour) dot.style.setProperty("--colour", colour);
    const label = create("label", "hello-calendar");
    label.append(box, dot, create("span", "", summary));
    const item = document.createElement("li");
    item.append(label);
    box.addEventListener("change", () => this.#choose(id, box));
    // Not disabled, which would take the focus from it.
    box.addEventListener("click", (event) => this.#saving.has(id) && event.preventDefault());
    this.#boxes.set(id, box);
    this.#list.append(item);
  }

  /** @param {number} id @param {HTMLInputElement} box */
  async #choose(id, box) {
    const { api, format } = this.#parts;
    const selected = box.checked;
    this.#saving.add(id);
    try {
      await api.send("PATCH", `/v1/calendars/${id}`, { selected });
      this.#tell(format.word("saved"));
    } catch {
      box.checked = !selected;
      this.#tell(format.word("not_saved"));
    } finally {
      this.#saving.delete(id);
    }
  }

  /** @param {string} text */
  #tell(text) {
    this.#note.dataset.isAnswer = "true";
    this.#note.textContent = text;
  }
}

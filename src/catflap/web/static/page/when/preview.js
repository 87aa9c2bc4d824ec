// "Tomorrow would sound like this": asked for at each change, also before it is stored; the newest answer wins.

import { create } from "../../lib/dom.js";

/**
 * @typedef {object} Previewed
 * @property {string} key
 * @property {string} play_at
 * @property {string} kind
 * @property {string} text
 * @property {string} language
 * @property {string} event_start
 * @property {"quiet" | "meeting" | null} held_for
 *
 * @typedef {object} Preview as of POST /v1/announcements/preview
 * @property {string} day
 * @property {string} zone
 * @property {string} zone_source
 * @property {number} appointments
 * @property {boolean} sample
 * @property {{starts_at: string, ends_at: string}[]} meetings
 * @property {Previewed[]} announcements
 */

const PAUSE = 250;
const AGAIN = 5000;
// How long a sentence takes that is heard, about, so that two are not said at once.
const BEGIN = 1500;
const PER_CHARACTER = 75;

export class Tomorrow {
  #parts;
  #onPreview;
  #list;
  #about;
  #told;
  #strip;
  /** @type {import("./topics.js").Values} what is not stored yet */
  #draft = {};
  /** @type {Map<number, object>} */
  #calendars = new Map();
  /** @type {Map<string, string>} what each announcement looked like */
  #before = new Map();
  #asked = 0;
  #timer = 0;

  /**
   * @param {HTMLElement} panel
   * @param {import("../screens.js").Parts} parts
   * @param {(preview: Preview) => void} onPreview
   */
  constructor(panel, parts, onPreview) {
    this.#parts = parts;
    this.#onPreview = onPreview;
    this.#list = /** @type {HTMLElement} */ (panel.querySelector("ol"));
    this.#about = /** @type {HTMLElement} */ (panel.querySelector(".tomorrow-about"));
    this.#told = /** @type {HTMLElement} */ (panel.querySelector(".tomorrow-told"));
    this.#strip = /** @type {HTMLButtonElement} */ (panel.querySelector(".tomorrow-strip"));
    this.#strip.addEventListener("click", () => this.#unfold(this.#strip.getAttribute("aria-expanded") !== "true"));
  }

  /** Preview changes that are not stored yet. @param {import("./topics.js").Values} changes */
  draft(changes) {
    this.#draft = { ...this.#draft, ...changes };
    this.refresh();
  }

  /** @param {number} id @param {object} changes */
  draftCalendar(id, changes) {
    this.#calendars.set(id, { ...this.#calendars.get(id), ...changes });
    this.refresh();
  }

  /** The changes are stored, or will never be. */
  settled() {
    this.#draft = {};
    this.#calendars.clear();
    this.refresh();
  }

  refresh(pause = PAUSE) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ask(), pause);
  }

  forget() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#before.clear();
    this.#list.replaceChildren();
    this.#about.textContent = this.#told.textContent = "";
  }

  /** Make room for a control that has the focus. */
  fold() {
    this.#unfold(false);
  }

  /** @param {boolean} isOpen */
  #unfold(isOpen) {
    this.#strip.setAttribute("aria-expanded", String(isOpen));
  }

  /** Ask at once. */
  async ask() {
    clearTimeout(this.#timer);
    const { api, format, session } = this.#parts;
    const turn = ++this.#asked;
    const calendars = [...this.#calendars].map(([id, changes]) => ({ id, ...changes }));
    try {
      const body = { day: "tomorrow", sample: format.language, preferences: this.#draft, calendars };
      /** @type {Preview} */
      const found = await api.send("POST", "/v1/announcements/preview", body);
      if (turn === this.#asked && !session.signal.aborted) this.#show(found);
    } catch {
      if (turn !== this.#asked || session.signal.aborted) return;
      this.#about.textContent = format.word("tomorrow_unknown");
      this.refresh(AGAIN);
    }
  }

  /** @param {Preview} found */
  #show(found) {
    const { format } = this.#parts;
    const rows = withoutRepeats(found.announcements);
    const looks = new Map(rows.map(({ one }) => [one.key, look(one)]));
    const isFirst = this.#before.size === 0;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    this.#list.replaceChildren(...rows.map(({ one, more }) => this.#row(one, more, found.zone, !isFirst && this.#before.get(one.key) !== looks.get(one.key))));
    for (const button of this.#list.querySelectorAll("button")) if (focused && button.dataset.key === focused) button.focus();
    this.#before = looks;
    const day = format.day(found.day);
    this.#about.textContent = found.sample ? format.word("tomorrow_sample") : day;
    const quiet = found.announcements.filter(({ held_for }) => held_for).length;
    const count = found.announcements.length;
    const told = quiet ? format.word("tomorrow_some_quiet", { count, quiet }) : format.word(count ? "tomorrow_count" : "tomorrow_silent", { count });
    if (this.#told.textContent !== told) this.#told.textContent = told;
    this.#onPreview(found);
  }

  /** @param {Previewed} one @param {number} more repeats of it @param {string} zone @param {boolean} isNew */
  #row(one, more, zone, isNew) {
    const { format, speaks } = this.#parts;
    const row = create("li", "sound-row");
    row.classList.toggle("held", one.held_for !== null);
    row.classList.toggle("fresh", isNew);
    const what = create("p", "sound-text", one.text);
    what.lang = one.language;
    const words = create("div", "sound-words");
    words.append(what);
    if (one.held_for) words.append(create("p", "quiet small", format.word(`held_${one.held_for}`)));
    if (more) words.append(create("p", "quiet small", format.word("tomorrow_repeats", { count: more })));
    const time = create("time", "when", format.timeIn(one.play_at, zone));
    time.setAttribute("datetime", one.play_at);
    row.append(time, words);
    if (speaks) row.append(this.#hear(one));
    return row;
  }

  /** @param {Previewed} one */
  #hear(one) {
    const { format } = this.#parts;
    const button = /** @type {HTMLButtonElement} */ (create("button", "hear", "▸"));
    button.type = "button";
    button.dataset.key = one.key;
    button.setAttribute("aria-label", format.word("reading_hear_word", { word: one.text }));
    button.title = format.word("reading_hear");
    button.addEventListener("click", () => this.#say(one.text));
    return button;
  }

  /** Have it said here, one at a time. @param {string} text */
  async #say(text) {
    const { device, format } = this.#parts;
    const list = this.#list;
    if (list.dataset.saying) return;
    list.dataset.saying = "true";
    this.#told.textContent = format.word("reading_listen");
    try {
      await device.say(text);
      await new Promise((resolve) => setTimeout(resolve, BEGIN + PER_CHARACTER * text.length));
    } catch {
      this.#told.textContent = format.word("reading_unheard");
    } finally {
      delete list.dataset.saying;
    }
  }
}

/** Of the repeats of one announcement the first, and how many more there are. @param {Previewed[]} found */
function withoutRepeats(found) {
  /** @type {{one: Previewed, more: number}[]} */
  const rows = [];
  const repeats = new Map();
  for (const one of found) {
    const first = one.kind === "again" ? repeats.get(one.event_start) : undefined;
    if (first) first.more += 1;
    else {
      const row = { one, more: 0 };
      if (one.kind === "again") repeats.set(one.event_start, row);
      rows.push(row);
    }
  }
  return rows;
}

/** @param {Previewed} one */
function look({ text, play_at, held_for }) {
  return `${play_at} ${held_for} ${text}`;
}

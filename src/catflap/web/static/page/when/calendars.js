// The card of the calendars: whether and how each is announced, and what is wrong where one can't be read.

import { create } from "../../lib/dom.js";
import { Chips } from "./chips.js";

/**
 * @typedef {object} Calendar as of GET /v1/calendars
 * @property {number} id
 * @property {string} account
 * @property {string} summary
 * @property {string | null} background_color
 * @property {boolean} selected
 * @property {number[] | null} reminder_minutes
 * @property {boolean} says_titles
 * @property {boolean} ignores_quiet
 * @property {string} state
 * @property {{code: string} | null} problem
 *
 * @typedef {{calendars: Calendar[], accounts: {account: string, email: string}[]}} Found
 * @typedef {Partial<Pick<Calendar, "selected" | "reminder_minutes" | "says_titles" | "ignores_quiet">>} Changes
 */

const USUAL = [0, 5, 10, 30, 60];
const MOST = 40_320;

export class Calendars {
  #list;
  #note;
  #format;
  #store;
  /** @type {Map<number, boolean>} which of them are open, by id */
  #open = new Map();

  /**
   * @param {HTMLElement} card
   * @param {import("../../lib/format.js").Format} format
   * @param {(id: number, changes: Changes) => Promise<boolean>} store
   */
  constructor(card, format, store) {
    this.#list = /** @type {HTMLElement} */ (card.querySelector(".calendars"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".calendars-note"));
    this.#format = format;
    this.#store = store;
  }

  /** @param {Found} found */
  show({ calendars, accounts }) {
    const emails = new Map(accounts.map(({ account, email }) => [account, email]));
    const focused = document.activeElement instanceof HTMLElement && this.#list.contains(document.activeElement) ? document.activeElement.id : "";
    this.#note.hidden = calendars.length > 0;
    this.#list.replaceChildren(...calendars.map((one) => this.#row(one, emails.size > 1 ? (emails.get(one.account) ?? "") : "")));
    if (focused) document.getElementById(focused)?.focus();
  }

  /** @param {Calendar} calendar @param {string} email shown where there are several accounts */
  #row(calendar, email) {
    const row = create("li", "calendar");
    const head = create("div", "calendar-head");
    const dot = create("span", "calendar-dot");
    dot.style.setProperty("--calendar", calendar.background_color ?? "var(--faint)");
    dot.setAttribute("aria-hidden", "true");
    const name = create("span", "calendar-name");
    name.append(create("span", "what", calendar.summary || this.#format.word("untitled")));
    if (email) name.append(create("span", "quiet small", email));
    const on = this.#check(calendar, "selected", "");
    on.classList.add("switch");
    on.querySelector("input")?.setAttribute("aria-label", this.#format.word("calendar_on", { name: calendar.summary }));
    head.append(dot, name, on);
    row.append(head);
    const trouble = this.#trouble(calendar);
    if (trouble) row.append(create("p", "notice small", trouble));
    if (calendar.selected) row.append(this.#more(calendar));
    return row;
  }

  /** @param {Calendar} calendar */
  #trouble({ problem, state, summary }) {
    if (!problem) return "";
    const why = this.#format.oneOf(`why_${problem.code}`, "why_other");
    const isGone = state === "gone";
    return this.#format.word(isGone ? "problem_gone" : "problem_failing", { name: summary, why });
  }

  /** @param {Calendar} calendar */
  #more(calendar) {
    const more = /** @type {HTMLDetailsElement} */ (create("details", "calendar-more"));
    more.open = this.#open.get(calendar.id) ?? false;
    more.addEventListener("toggle", () => this.#open.set(calendar.id, more.open));
    const label = create("summary", "small", this.#format.word("calendar_more"));
    label.id = `calendar-${calendar.id}-more`;
    const own = create("div", "chips");
    own.setAttribute("role", "group");
    own.setAttribute("aria-label", this.#format.word("calendar_reminders", { name: calendar.summary }));
    const chips = new Chips(own, { format: this.#format, usual: USUAL, least: 0, most: MOST, onChange: (minutes) => this.#store(calendar.id, { reminder_minutes: minutes }) });
    chips.show(calendar.reminder_minutes ?? []);
    own.hidden = calendar.reminder_minutes === null;
    more.append(
      label,
      this.#usual(calendar, own),
      own,
      this.#check(calendar, "says_titles", this.#format.word("calendar_titles")),
      this.#check(calendar, "ignores_quiet", this.#format.word("calendar_loud")),
    );
    return more;
  }

  /** Whether a calendar has reminders of its own. @param {Calendar} calendar @param {HTMLElement} own */
  #usual(calendar, own) {
    const made = create("label", "check");
    const box = this.#box(`calendar-${calendar.id}-own`, calendar.reminder_minutes !== null);
    box.addEventListener("change", () => {
      own.hidden = !box.checked;
      this.#store(calendar.id, { reminder_minutes: box.checked ? [10] : null });
    });
    made.append(box, document.createTextNode(this.#format.word("calendar_own")));
    return made;
  }

  /** @param {Calendar} calendar @param {"selected" | "says_titles" | "ignores_quiet"} name @param {string} text */
  #check(calendar, name, text) {
    const made = create("label", "check");
    const box = this.#box(`calendar-${calendar.id}-${name}`, calendar[name]);
    box.addEventListener("change", () => this.#store(calendar.id, { [name]: box.checked }));
    made.append(box, document.createTextNode(text));
    return made;
  }

  /** @param {string} id @param {boolean} isChecked */
  #box(id, isChecked) {
    const box = /** @type {HTMLInputElement} */ (create("input", ""));
    box.type = "checkbox";
    box.id = id;
    box.checked = isChecked;
    return box;
  }
}

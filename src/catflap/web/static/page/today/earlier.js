// What Mia said earlier today, newest first: whether it was heard, on which device, why not, and "say it again".

import { create, fill } from "../../lib/dom.js";
import { sign } from "./appointments.js";

/**
 * @typedef {import("../day.js").Planned} Planned
 * @typedef {import("../../lib/format.js").Format} Format
 * @typedef {import("./planned.js").DialectOf} DialectOf
 */

const MOST = 20;
/** Later than this, it is told how late it was. */
const LATE = 120_000;
const HEARD = new Set(["played"]);
/** The reasons that have words: of plans, of this page, and of the firmware. */
const WHY = new Set(["quiet", "meeting", "muted", "offline", "no_gesture", "audio_error", "no_sound", "expired", "cut_off"]);
const UNHEARD = new Set(["failed", "missed", "held"]);

export class Earlier {
  #api;
  #format;
  #list;
  #note;
  #thisDevice;

  /**
   * @param {HTMLElement} card
   * @param {import("../../lib/api.js").Api} api
   * @param {Format} format
   * @param {() => number | null} thisDevice this browser's id as a device
   */
  constructor(card, api, format, thisDevice) {
    this.#thisDevice = thisDevice;
    this.#api = api;
    this.#format = format;
    this.#list = /** @type {HTMLElement} */ (card.querySelector(".earlier"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  }

  /**
   * @param {Planned[]} planned
   * @param {number} since the beginning of the day
   * @param {number} now
   * @param {DialectOf} dialectOf
   */
  show(planned, since, now, dialectOf) {
    const over = planned.filter(({ play_at, state }) => isBetween(play_at, since, now) && (HEARD.has(state) || UNHEARD.has(state)));
    const isOneOfSeveral = new Set(planned.map(({ device }) => device)).size > 1;
    const all = together(over);
    const rows = all.slice(0, MOST).map((same) => this.#row(same, isOneOfSeveral, dialectOf));
    if (all.length > MOST) rows.push(create("li", "empty", this.#format.word("and_more", { count: all.length - MOST })));
    const focused = [...this.#list.querySelectorAll("button")].find((button) => button === document.activeElement)?.value;
    fill(this.#list, rows, this.#format.word("earlier_none"));
    [...this.#list.querySelectorAll("button")].find(({ value }) => value === focused)?.focus({ preventScroll: true });
  }

  clear() {
    this.#list.replaceChildren();
    this.#note.textContent = "";
  }

  /** @param {Planned[]} same on each device @param {boolean} isOneOfSeveral @param {DialectOf} dialectOf */
  #row(same, isOneOfSeveral, dialectOf) {
    const first = /** @type {Planned} */ (same[0]);
    const text = create("span", "what", first.text);
    text.setAttribute("lang", dialectOf(first.dialect).language);
    const outcomes = create("span", "outcomes");
    for (const one of same) outcomes.append(this.#outcome(one, isOneOfSeveral));
    const again = /** @type {HTMLButtonElement} */ (create("button", "chip again"));
    again.append(sign("again"), create("span", "again-words", this.#format.word("say_again")));
    again.type = "button";
    again.value = first.id;
    again.setAttribute("aria-label", this.#format.word("say_again_what", { text: first.text }));
    again.addEventListener("click", () => this.#repeat(same.find(({ device }) => device === this.#thisDevice()) ?? first, again));
    const row = create("li", "said");
    row.classList.toggle("unheard", !same.some(({ state }) => HEARD.has(state)));
    row.append(create("span", "when", this.#format.time(first.play_at)), text, outcomes, again);
    return row;
  }

  /** @param {Planned} one @param {boolean} isOneOfSeveral */
  #outcome(one, isOneOfSeveral) {
    const isHeard = HEARD.has(one.state);
    const words = [isOneOfSeveral ? one.device_name : "", isHeard ? this.#heard(one) : this.#format.word("unheard", { why: this.#why(one) })];
    const outcome = create("span", isHeard ? "outcome heard" : "outcome", words.filter(Boolean).join(": "));
    return outcome;
  }

  /** @param {Planned} one */
  #heard({ play_at, outcome_at, seconds }) {
    const late = outcome_at === null ? 0 : Date.parse(outcome_at) - Date.parse(play_at) - (seconds ?? 0) * 1000;
    return late < LATE ? this.#format.word("heard") : this.#format.word("heard_late", { count: Math.floor(late / 60_000) });
  }

  /** @param {Planned} one */
  #why({ state, held_for, detail }) {
    const why = held_for ?? detail ?? "";
    return this.#format.word(WHY.has(why) ? `unheard_${why}` : state === "held" ? "unheard_held" : "unheard_other");
  }

  /** @param {Planned} one @param {HTMLButtonElement} button */
  async #repeat(one, button) {
    if (button.getAttribute("aria-disabled") === "true") return;
    // Not disabled, which would take the focus from it.
    button.setAttribute("aria-disabled", "true");
    try {
      await this.#api.send("POST", `/v1/announcements/${encodeURIComponent(one.id)}/repeat`);
      this.#note.textContent = this.#format.word("did_repeat");
    } catch {
      this.#note.textContent = this.#format.word("not_done");
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }
}

/** @param {string} at @param {number} since @param {number} until */
function isBetween(at, since, until) {
  return Date.parse(at) >= since && Date.parse(at) <= until;
}

/** The same words at the same time on several devices, newest first. @param {Planned[]} planned */
function together(planned) {
  /** @type {Map<string, Planned[]>} */
  const same = new Map();
  for (const one of planned) {
    const key = `${one.play_at} ${one.text}`;
    same.set(key, [...(same.get(key) ?? []), one]);
  }
  return [...same.values()].sort(([one], [other]) => Date.parse(other?.play_at ?? "") - Date.parse(one?.play_at ?? ""));
}

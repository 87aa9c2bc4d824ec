// Today's appointments and the planned announcements: fetched after changes, regularly, and again after errors.

import { byId, create } from "../lib/dom.js";
import { showAnnouncements, showAppointments, showProblems } from "./lists.js";

const SYNCING = 2000;
const AGAIN = 5000;
const REGULARLY = 60_000;

/**
 * @typedef {object} DayDocument the answer of GET /v1/appointments
 * @property {string} day YYYY-MM-DD
 * @property {string} zone
 * @property {string} zone_source
 * @property {boolean} syncing
 * @property {import("./lists.js").Appointment[]} appointments
 * @property {import("./lists.js").Problem[]} problems
 */

/** Fires `change` when what it shows was fetched anew. */
export class Day extends EventTarget {
  #api;
  #format;
  #clock;
  #preferences;
  #reactions;
  #appointments = byId("appointments", HTMLElement);
  #announcements = byId("announcements", HTMLElement);
  #problems = byId("problems", HTMLElement);
  #timer = 0;
  #asked = 0;
  #forgotten = false;
  /** What is shown now. @type {DayDocument | null} */
  shown = null;
  /** @type {Map<string, string>} announcement id → dialect id */
  #dialects = new Map();

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {import("../lib/clock.js").ServerClock} clock
   * @param {import("./preferences.js").Preferences} preferences
   * @param {import("./reactions.js").Reactions} reactions
   */
  constructor(api, format, clock, preferences, reactions) {
    super();
    this.#api = api;
    this.#format = format;
    this.#clock = clock;
    this.#preferences = preferences;
    this.#reactions = reactions;
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Clear the lists and stop fetching. */
  forget() {
    this.#forgotten = true;
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#dialects.clear();
    this.shown = null;
    this.#reactions.forget();
    for (const list of [this.#appointments, this.#announcements, this.#problems]) list.replaceChildren();
  }

  async refresh() {
    if (this.#forgotten) return;
    const asked = ++this.#asked;
    let pause = AGAIN;
    try {
      const [day, planned] = await Promise.all([this.#api.get("/v1/appointments"), this.#api.get("/v1/announcements")]);
      if (asked !== this.#asked) return;
      this.#show(day, planned.announcements);
      pause = day.syncing ? SYNCING : REGULARLY;
    } catch {
      if (asked !== this.#asked) return;
      this.#failed();
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), pause);
  }

  /** The dialect of a scheduled announcement, as far as it is known. @param {string} id */
  dialectOf(id) {
    const dialect = this.#dialects.get(id) ?? "";
    return { label: this.#preferences.label(dialect), language: this.#preferences.language(dialect) };
  }

  /** @param {DayDocument} day @param {import("./lists.js").Planned[]} planned */
  #show(day, planned) {
    this.#format.zone = day.zone;
    this.#preferences.applyZone(day);
    showProblems(this.#problems, day.problems, this.#format);
    this.#dialects = new Map(planned.map(({ id, dialect }) => [id, dialect]));
    this.#reactions.learn(planned);
    byId("today-date", HTMLElement).textContent = this.#format.day(day.day);
    if (day.syncing && day.appointments.length === 0) return; // the skeletons stay
    this.shown = day;
    const now = this.#clock.now();
    showAppointments(this.#appointments, day.appointments, this.#format, now);
    showAnnouncements(this.#announcements, planned, this.#format, now, (dialect) => ({
      label: this.#preferences.label(dialect),
      language: this.#preferences.language(dialect),
    }));
    this.dispatchEvent(new Event("change"));
  }

  #failed() {
    for (const list of [this.#appointments, this.#announcements]) {
      if (list.getAttribute("aria-busy") === "false") continue; // what was read before is better than nothing
      list.replaceChildren(create("li", "empty", this.#format.word("not_loaded")));
    }
  }
}

// The right-hand side: fetches the day when something changed and shows it; asks again when the line was down.

import { showAnnouncements, showAppointments, showProblems } from "./lists.js";

const SYNCING = 2000;
const AGAIN = 5000;
const REGULARLY = 60_000;

export class Day {
  #home;
  #format;
  #clock;
  #preferences;
  #appointments = element("appointments");
  #announcements = element("announcements");
  #problems = element("problems");
  #timer = 0;
  #asked = 0;
  #forgotten = false;
  /** @type {Map<string, string>} announcement id → dialect id */
  #dialects = new Map();

  /**
   * @param {import("./api.js").Home} home
   * @param {import("./format.js").Format} format
   * @param {import("./clock.js").HomeClock} clock
   * @param {import("./preferences.js").Preferences} preferences
   */
  constructor(home, format, clock, preferences) {
    this.#home = home;
    this.#format = format;
    this.#clock = clock;
    this.#preferences = preferences;
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Forget the day, for good. */
  forget() {
    this.#forgotten = true;
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#dialects.clear();
    for (const list of [this.#appointments, this.#announcements, this.#problems]) list.replaceChildren();
  }

  async refresh() {
    if (this.#forgotten) return;
    const asked = ++this.#asked;
    let pause = AGAIN;
    try {
      const [day, planned] = await Promise.all([this.#home.get("/v1/appointments"), this.#home.get("/v1/announcements")]);
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

  /** @param {any} day @param {import("./lists.js").Planned[]} planned */
  #show(day, planned) {
    this.#format.zone = day.zone;
    this.#preferences.heed(day);
    showProblems(this.#problems, day.problems, this.#format);
    this.#dialects = new Map(planned.map(({ id, dialect }) => [id, dialect]));
    element("today-date").textContent = this.#format.day(day.day);
    if (day.syncing && day.appointments.length === 0) return; // the skeletons stay
    const now = this.#clock.now();
    showAppointments(this.#appointments, day.appointments, this.#format, now);
    showAnnouncements(this.#announcements, planned, this.#format, now, (dialect) => ({
      label: this.#preferences.label(dialect),
      language: this.#preferences.language(dialect),
    }));
  }

  #failed() {
    for (const list of [this.#appointments, this.#announcements]) {
      if (list.getAttribute("aria-busy") === "false") continue; // what was read before is better than nothing
      const note = document.createElement("li");
      note.className = "empty";
      note.textContent = this.#format.word("not_loaded");
      list.replaceChildren(note);
    }
  }
}

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

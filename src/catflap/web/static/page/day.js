// Today's appointments and the planned announcements: fetched after changes, regularly, and again after errors.

const SYNCING = 2000;
const AGAIN = 5000;
const REGULARLY = 60_000;

/**
 * @typedef {object} DayDocument the answer of GET /v1/appointments
 * @property {string} day YYYY-MM-DD
 * @property {string} zone
 * @property {string} zone_source
 * @property {string} starts_at
 * @property {string} ends_at
 * @property {boolean} syncing
 * @property {boolean} connected whether there is a Google account that may be read
 * @property {number} calendars how many are selected
 * @property {import("./today/appointments.js").Appointment[]} appointments
 * @property {import("./today/problems.js").Problem[]} problems
 *
 * @typedef {object} Planned of the answer of GET /v1/announcements
 * @property {string} id
 * @property {number} device
 * @property {string} device_name
 * @property {string} play_at
 * @property {string} kind
 * @property {string} text
 * @property {string} dialect
 * @property {string} state
 * @property {string | null} held_for
 * @property {string | null} outcome_at
 * @property {string | null} detail
 * @property {number | null} seconds
 */

/** Fires `change` when it was fetched anew, and when that failed. */
export class Day extends EventTarget {
  #api;
  #format;
  #preferences;
  #reactions;
  #timer = 0;
  #asked = 0;
  #forgotten = false;
  /** @type {Map<string, string>} announcement id → dialect id */
  #dialects = new Map();
  /** What was read last, if anything. @type {DayDocument | null} */
  document = null;
  /** @type {Planned[]} */
  planned = [];
  /** Whether it could not be read lately. */
  hasFailed = false;

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {import("./preferences.js").Preferences} preferences
   * @param {import("./reactions.js").Reactions} reactions
   */
  constructor(api, format, preferences, reactions) {
    super();
    this.#api = api;
    this.#format = format;
    this.#preferences = preferences;
    this.#reactions = reactions;
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
  }

  /** Forget what was read and stop fetching. */
  forget() {
    this.#forgotten = true;
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#dialects.clear();
    this.#reactions.forget();
    [this.document, this.planned] = [null, []];
  }

  async refresh() {
    if (this.#forgotten) return;
    const asked = ++this.#asked;
    let pause = AGAIN;
    try {
      const [day, { announcements }] = await Promise.all([this.#api.get("/v1/appointments"), this.#api.get("/v1/announcements")]);
      if (asked !== this.#asked) return;
      this.#learn(day, announcements);
      pause = day.syncing ? SYNCING : REGULARLY;
    } catch {
      if (asked !== this.#asked) return;
      this.hasFailed = true;
    }
    this.dispatchEvent(new Event("change"));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), pause);
  }

  /** What was read just now, unless it failed or nothing has come of the first sync yet. */
  get shown() {
    const read = this.document;
    return !read || this.hasFailed || (read.syncing && read.appointments.length === 0) ? null : read;
  }

  /** The dialect of a scheduled announcement, as far as it is known. @param {string} id */
  dialectOf(id) {
    return this.dialect(this.#dialects.get(id) ?? "");
  }

  /** A dialect's name to show, and its language. @param {string} dialect its id */
  dialect(dialect) {
    return { label: this.#preferences.label(dialect), language: this.#preferences.language(dialect) };
  }

  /** @param {DayDocument} day @param {Planned[]} planned */
  #learn(day, planned) {
    [this.document, this.planned, this.hasFailed] = [day, planned, false];
    this.#format.zone = day.zone;
    this.#preferences.applyZone(day);
    this.#dialects = new Map(planned.map(({ id, dialect }) => [id, dialect]));
    this.#reactions.learn(planned);
  }
}

// The user's preferences and the dialects: loaded once, changed by the screens, the same for all of them.

/** @typedef {{id: string, language: string, name: string, native_name: string, example: string,
 *   talkativeness: Record<string, string>}} Dialect */
/** @typedef {Record<string, unknown>} Values as of GET /v1/preferences */

/** Fires `change` after every change of the values, by a screen or by the server. */
export class Preferences extends EventTarget {
  #api;
  #format;
  /** @type {Values} as the server has them */
  #stored = {};
  /** @type {Values[]} changes that the server has not answered yet, the oldest first */
  #unanswered = [];
  /** @type {Map<string, Dialect>} */
  #dialects = new Map();
  #offered = "";
  /** @type {Promise<unknown>} */
  #saving = Promise.resolve();
  /** @type {() => void} */
  #onReady = () => {};
  /** Resolved when they are known. @type {Promise<void>} */
  ready = new Promise((resolve) => (this.#onReady = resolve));

  /** @param {import("../lib/api.js").Api} api @param {import("../lib/format.js").Format} format */
  constructor(api, format) {
    super();
    this.#api = api;
    this.#format = format;
  }

  /** @throws {Error} when the server can't be asked; may be called again */
  async load() {
    /** @type {[Values, Dialect[]]} */
    const [values, dialects] = await Promise.all([this.#api.get("/v1/preferences"), this.#api.get("/v1/dialects")]);
    this.#dialects = new Map(dialects.map((dialect) => [dialect.id, dialect]));
    this.#adopt(values);
    this.#onReady();
    this.#offerZone();
  }

  /** With the choices that are on their way, so that the answer to one doesn't take back the next. */
  get values() {
    return Object.assign({}, this.#stored, ...this.#unanswered);
  }

  get dialects() {
    return [...this.#dialects.values()];
  }

  /**
   * Store changes; one call at a time, so that two quick ones don't undo each other.
   * @param {Values} changes
   * @returns {Promise<void>}
   * @throws {import("../lib/api.js").Problem}
   */
  save(changes) {
    this.#unanswered.push(changes);
    const saved = this.#saving.then(() => this.#store(changes));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  /** @param {Values} changes */
  async #store(changes) {
    try {
      this.#stored = await this.#api.send("PUT", "/v1/preferences", { ...this.#stored, ...changes });
    } finally {
      this.#unanswered = this.#unanswered.filter((one) => one !== changes);
    }
    this.#adopt(this.#stored);
  }

  /** What a dialect is called on this page. @param {string} id */
  label(id) {
    const dialect = this.#dialects.get(id);
    if (!dialect) return "";
    const { name, native_name: native } = dialect;
    if (name === native) return name;
    const isNativeFirst = this.#format.language === dialect.language && dialect.language !== "en";
    return isNativeFirst ? `${native} · ${name}` : `${name} · ${native}`;
  }

  /** @param {string} id the language its words are in, for voices and hyphens */
  language(id) {
    return this.#dialects.get(id)?.language ?? "";
  }

  /**
   * The zone as it is known by now; Google's comes with the first sync.
   * @param {{zone: string, zone_source: string}} day
   */
  applyZone({ zone, zone_source }) {
    const { zone: before, zone_source: source } = this.#stored;
    if (source === undefined || (zone === before && zone_source === source)) return;
    this.#adopt({ ...this.#stored, zone, zone_source });
    this.#offerZone();
  }

  /** @param {Values} values */
  #adopt(values) {
    this.#stored = values;
    this.dispatchEvent(new Event("change"));
  }

  /** Send this browser's time zone, unless the user or Google has given one. */
  async #offerZone() {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const { zone, zone_source: source } = this.#stored;
    if (!["default", "browser"].includes(String(source)) || !here || here === this.#offered) return;
    if (here === zone && source === "browser") return;
    this.#offered = here;
    try {
      this.#adopt(await this.#api.send("PUT", "/v1/preferences/browser-zone", { zone: here }));
    } catch {
      // A zone the server doesn't know, or no network: the zone stays as it is.
    }
  }
}

// The preferences form: a dialect for each language, the time zone, what is said and when; saved at each change.

import { isHalf, readChoices, showChoices } from "./choices.js";

/** @typedef {{id: string, language: string, name: string, native_name: string, example: string}} Dialect */

export class Preferences {
  #api;
  #format;
  #onSaved;
  /** @type {Record<string, unknown>} */
  #values = {};
  /** @type {Map<string, Dialect>} */
  #dialects = new Map();
  /** @type {HTMLFormElement | null} */
  #form = null;
  #offered = "";

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {() => void} onSaved
   */
  constructor(api, format, onSaved) {
    this.#api = api;
    this.#format = format;
    this.#onSaved = onSaved;
  }

  /** @param {HTMLFormElement} form */
  async show(form) {
    /** @type {[Record<string, unknown>, Dialect[]]} */
    const [values, dialects] = await Promise.all([this.#api.get("/v1/preferences"), this.#api.get("/v1/dialects")]);
    this.#form = form;
    this.#values = values;
    this.#dialects = new Map(dialects.map((dialect) => [dialect.id, dialect]));
    for (const select of this.#dialectSelects(form)) {
      select.disabled = false;
      select.replaceChildren(...dialects.filter(({ language }) => select.name.endsWith(language)).map(({ id }) => option(id, this.label(id))));
      select.value = String(values[select.name]);
    }
    this.#showZone();
    this.#showExamples(form);
    showChoices(this.#more(form), values, this.#format);
    this.#offerZone();
    form.addEventListener("change", () => this.#save(form));
    form.addEventListener("submit", (event) => event.preventDefault());
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

  /** @param {HTMLFormElement} form */
  async #save(form) {
    const note = /** @type {HTMLElement} */ (form.querySelector(".saved"));
    this.#showExamples(form);
    const picked = Object.fromEntries(this.#dialectSelects(form).map(({ name, value }) => [name, value]));
    const { value } = this.#zoneSelect();
    const zone = value ? { zone: value, zone_source: "user" } : { zone: null, zone_source: null };
    const more = this.#more(form);
    try {
      this.#values = await this.#api.send("PUT", "/v1/preferences", { ...this.#values, ...picked, ...readChoices(more), ...zone });
      this.#showZone();
      const half = isHalf(more);
      note.textContent = this.#format.word(half ? "quiet_half" : "saved");
      this.#onSaved();
    } catch {
      note.textContent = this.#format.word("not_saved");
    }
  }

  /**
   * The zone as it is known by now; Google's comes with the first sync.
   * @param {{zone: string, zone_source: string}} day
   */
  applyZone({ zone, zone_source }) {
    if (!this.#form || (zone === this.#values.zone && zone_source === this.#values.zone_source)) return;
    this.#values = { ...this.#values, zone, zone_source };
    this.#showZone();
    this.#offerZone();
  }

  /** Send this browser's time zone, unless the user or Google has given one. */
  async #offerZone() {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const { zone, zone_source: source } = this.#values;
    if (!["default", "browser"].includes(String(source)) || !here || here === this.#offered) return;
    if (here === zone && source === "browser") return;
    this.#offered = here;
    try {
      this.applyZone(await this.#api.send("PUT", "/v1/preferences/browser-zone", { zone: here }));
      this.#onSaved();
    } catch {
      // A zone the server doesn't know, or no network: the zone stays as it is.
    }
  }

  /** @param {HTMLFormElement} form @returns {HTMLSelectElement[]} */
  #dialectSelects(form) {
    return [...form.querySelectorAll("select")].filter(({ name }) => name.startsWith("dialect_"));
  }

  /** What is said and when. @param {HTMLFormElement} form */
  #more(form) {
    return /** @type {HTMLElement} */ (form.querySelector(".more"));
  }

  #zoneSelect() {
    return /** @type {HTMLSelectElement} */ (this.#form?.elements.namedItem("zone"));
  }

  #showZone() {
    const select = this.#zoneSelect();
    select.disabled = false;
    const { zone, zone_source: source } = /** @type {{zone: string, zone_source: string}} */ (this.#values);
    select.replaceChildren(...this.#zones(zone, source));
    select.value = source === "user" ? zone : "";
    const note = /** @type {HTMLElement} */ (this.#form?.querySelector("#zone-source"));
    note.textContent = this.#format.word(`zone_from_${source}`);
  }

  /** @param {HTMLFormElement} form */
  #showExamples(form) {
    for (const language of ["en", "ja"]) {
      const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem(`dialect_${language}`));
      const example = /** @type {HTMLElement} */ (form.querySelector(`#example-${language}`));
      example.textContent = this.#dialects.get(select.value)?.example ?? "";
    }
  }

  /** @param {string} choice @param {string} source @returns {HTMLElement[]} */
  #zones(choice, source) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), choice, here]);
    const shown = source === "user" ? "…" : choice.replaceAll("_", " ");
    return [
      option("", this.#format.word("zone_auto", { zone: shown })),
      group(this.#format.word("zone_here"), [here]),
      group(this.#format.word("zone_all"), [...zones].filter((zone) => zone !== here).sort()),
    ];
  }
}

/** @param {string} label @param {string[]} values */
function group(label, values) {
  const made = document.createElement("optgroup");
  made.label = label;
  made.append(...values.map((value) => option(value, value.replaceAll("_", " "))));
  return made;
}

/** @param {string} value @param {string} label */
function option(value, label) {
  return new Option(label, value);
}

// The choice of an engine for a language, where there are several, and whom to name.

import { create } from "../../lib/dom.js";

/**
 * @typedef {object} Engine of GET /v1/voices
 * @property {string} id
 * @property {string} name
 * @property {string} about
 * @property {string[]} languages
 * @property {boolean} is_server
 * @property {string | null} credit
 */

export class EngineChoice {
  #area;
  #format;
  #language;
  /** @type {Engine[]} */
  #engines = [];
  #hasAny = false;

  /** @param {HTMLElement} area @param {import("../../lib/format.js").Format} format @param {string} language */
  constructor(area, format, language) {
    this.#area = area;
    this.#format = format;
    this.#language = language;
  }

  /** Whether it is known that nothing here speaks the language. */
  get isMute() {
    return this.#hasAny && !this.#engines.length;
  }

  /** @param {Engine[]} engines the best for a language before the others @param {string | null} chosen */
  show(engines, chosen) {
    this.#hasAny = engines.length > 0;
    this.#engines = engines.filter(({ languages }) => languages.includes(this.#language));
    const select = this.#select;
    const [best] = this.#engines;
    if (!best) return this.#tell();
    const automatic = new Option(this.#format.word("engine_best", { name: best.name }), "");
    select.replaceChildren(automatic, ...this.#engines.map(({ id, name }) => new Option(name, id)));
    select.disabled = false;
    this.#row.hidden = this.#engines.length < 2;
    this.choose(chosen);
  }

  /** @param {string | null} chosen one that is gone counts as the best */
  choose(chosen) {
    this.#select.value = this.#engines.some(({ id }) => id === chosen) ? String(chosen) : "";
    this.#tell();
  }

  #tell() {
    const engine = this.#engines.find(({ id }) => id === this.#select.value) ?? this.#engines[0];
    const about = engine && this.#format.oneOf(`engine_about_${engine.id}`, "engine_about_other");
    const lines = [
      this.isMute ? create("p", "notice", this.#format.word(`hear_none_${this.#language}`)) : "",
      about && !this.#row.hidden ? create("p", "quiet small", about) : "",
      engine?.is_server ? create("p", "quiet small", this.#format.word("engine_server")) : "",
      engine?.credit ? create("p", "credit quiet", engine.credit) : "",
    ];
    this.#notes.replaceChildren(...lines.filter(Boolean));
  }

  get #row() {
    return /** @type {HTMLElement} */ (this.#area.querySelector(".engine-row"));
  }

  get #select() {
    return /** @type {HTMLSelectElement} */ (this.#area.querySelector("select"));
  }

  get #notes() {
    return /** @type {HTMLElement} */ (this.#area.querySelector(".engine-notes"));
  }
}

// The step "which voice": three dialects of the page's language, heard before one is chosen.

import { hearButton, radioCard } from "../voice/cards.js";
import { Hearing } from "../voice/hearing.js";

const MOST = 3;

export class VoiceStep {
  #parts;
  #group;
  #note;
  #hearing;

  /** @param {HTMLElement} card @param {import("../screens.js").Parts} parts */
  constructor(card, parts) {
    this.#parts = parts;
    this.#group = /** @type {HTMLElement} */ (card.querySelector(".voice-cards"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
    this.#hearing = parts.performance && new Hearing(parts.api, parts.performance);
  }

  async begin() {
    await this.#parts.preferences.ready;
    if (this.#group.childElementCount === 0) this.#group.append(...this.#offered().map((dialect) => this.#card(dialect)));
    this.#group.setAttribute("aria-busy", "false");
    this.#showChosen();
  }

  #showChosen() {
    const chosen = this.#parts.preferences.values[this.#key];
    for (const input of this.#group.querySelectorAll("input")) input.checked = input.value === chosen;
  }

  end() {
    this.#hearing?.stop();
  }

  forget() {
    this.#hearing?.forget();
    this.#group.replaceChildren();
  }

  get #key() {
    return `dialect_${this.#parts.format.language}`;
  }

  /** The one that is chosen, and others after it. */
  #offered() {
    const { preferences, format } = this.#parts;
    const mine = preferences.dialects.filter(({ language }) => language === format.language);
    const chosen = mine.filter(({ id }) => id === preferences.values[this.#key]);
    return [...chosen, ...mine.filter((one) => !chosen.includes(one))].slice(0, MOST);
  }

  /** @param {import("../preferences.js").Dialect} dialect */
  #card({ id, language, example, native_name: native }) {
    const { preferences, format } = this.#parts;
    const title = preferences.label(id);
    const names = title.split(" · ").map((text) => ({ text, language: text === native ? language : "en" }));
    const { card } = radioCard("hello-dialect", { value: id, names, text: example, language });
    card.querySelector("input")?.addEventListener("change", () => this.#choose(id));
    const play = async (/** @type {(state: import("../voice/hearing.js").State) => void} */ show) => {
      // As they are by now: the card stays when they change on the screen of voices.
      const { pitch, [`engine_${language}`]: engine } = /** @type {{pitch: number, [key: string]: any}} */ (preferences.values);
      const voice = { dialect: id, pitch, engine: engine ?? null, talkativeness: null };
      const reason = await this.#hearing?.play(voice, { text: example, dialect: title, language }, show);
      this.#note.textContent = reason ? format.word(`hear_${reason}`) : "";
    };
    const labels = { play: format.word("hear_voice", { name: title }), stop: format.word("hear_stop") };
    if (this.#hearing) card.append(hearButton(labels, play, () => this.#hearing?.stop()));
    return card;
  }

  /** @param {string} id */
  async #choose(id) {
    const { preferences, format } = this.#parts;
    try {
      await preferences.save({ [this.#key]: id });
      this.#note.textContent = format.word("saved");
    } catch {
      this.#note.textContent = format.word("not_saved");
      this.#showChosen();
    }
  }
}

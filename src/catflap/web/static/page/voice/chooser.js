// The form of the screen "Voice": shows the preferences of the voice, saves each change, and lets voices be heard.

import { hearButton, radioCard } from "./cards.js";
import { EngineChoice } from "./engines.js";

/**
 * @typedef {import("../screens.js").Parts} Parts
 * @typedef {import("../preferences.js").Dialect} Dialect
 * @typedef {"ja" | "en"} Language
 */

const LANGUAGES = /** @type {const} */ (["ja", "en"]);
const MANNERS = /** @type {const} */ (["brief", "normal", "chatty"]);
/** So long after the last step of the slider the new pitch is heard. */
const SETTLED = 350;

export class Chooser {
  #form;
  #parts;
  #hearing;
  /** @type {Record<Language, EngineChoice>} */
  #engines;
  /** @type {HTMLElement[]} what a reminder in each manner sounds like */
  #manners = [];
  #heard = "";
  /** Changes that are being saved; until the last one is, what is shown is newer than what is stored. */
  #saving = 0;
  #timer = 0;

  /**
   * @param {HTMLFormElement} form
   * @param {Parts} parts
   * @param {import("./hearing.js").Hearing | null} hearing null where Mia has no voice
   */
  constructor(form, parts, hearing) {
    this.#form = form;
    this.#parts = parts;
    this.#hearing = hearing;
    const choice = (/** @type {Language} */ language) => new EngineChoice(this.#card(`dialect_${language}`), parts.format, language);
    this.#engines = { ja: choice("ja"), en: choice("en") };
  }

  /** Make the cards, and listen. @param {import("./engines.js").Engine[]} engines */
  start(engines) {
    for (const language of LANGUAGES) {
      this.#engines[language].show(engines, this.#engine(language));
      const dialects = this.#parts.preferences.dialects.filter((one) => one.language === language);
      this.#group(`dialect_${language}`).replaceChildren(...dialects.map((one) => this.#dialectCard(one)));
    }
    this.#group("talkativeness").replaceChildren(...MANNERS.map((manner) => this.#mannerCard(manner)));
    this.#pitch.disabled = false;
    if (this.#hearing) this.#pitchHear.replaceChildren(this.#hearButton("hear_pitch", {}, () => this.#sample(this.#lastHeard), () => this.#pitchCard));
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("change", (event) => this.#change(event.target));
    this.#pitch.addEventListener("input", () => this.#tellPitch());
    this.show();
  }

  /** Show what is chosen. */
  show() {
    if (this.#saving) return;
    const { values } = this.#parts.preferences;
    for (const name of ["dialect_ja", "dialect_en", "talkativeness"]) {
      for (const input of this.#radios(name)) input.checked = input.value === values[name];
    }
    for (const language of LANGUAGES) this.#engines[language].choose(this.#engine(language));
    this.#pitch.value = String(values.pitch);
    this.#tellPitch();
    const dialect = this.#dialect(this.#ownDialect);
    this.#manners.forEach((said, place) => {
      said.textContent = (dialect && dialect.talkativeness[MANNERS[place] ?? "normal"]) ?? "";
      said.lang = dialect?.language ?? "";
    });
  }

  /** Empty it. */
  forget() {
    clearTimeout(this.#timer);
    for (const group of this.#form.querySelectorAll(".voice-cards")) group.replaceChildren();
  }

  /** @param {Dialect} dialect */
  #dialectCard(dialect) {
    const { preferences } = this.#parts;
    const { id, language, example, native_name: native } = dialect;
    const title = preferences.label(id);
    const names = title.split(" · ").map((text) => ({ text, language: text === native ? language : "en" }));
    const { card } = radioCard(`dialect_${language}`, { value: id, names, text: example, language });
    const isMute = this.#engines[/** @type {Language} */ (language)].isMute;
    if (this.#hearing && !isMute) card.append(this.#hearButton("hear_voice", { name: title }, () => this.#sample(id)));
    return card;
  }

  /** @param {string} manner */
  #mannerCard(manner) {
    const title = this.#parts.format.word(`talk_${manner}`);
    const { card, said } = radioCard("talkativeness", { value: manner, names: [{ text: title, language: "" }], text: "", language: "" });
    this.#manners.push(said);
    if (this.#hearing) card.append(this.#hearButton("hear_voice", { name: title }, () => this.#sample(this.#ownDialect, manner)));
    return card;
  }

  /**
   * @param {string} key of its name
   * @param {Record<string, string>} values
   * @param {() => [import("./hearing.js").Voice, import("./hearing.js").Line]} sample
   * @param {(() => HTMLElement)} [cardOf] where is told what fails, if not around it
   */
  #hearButton(key, values, sample, cardOf) {
    const { format } = this.#parts;
    const button = hearButton(
      { play: format.word(key, values), stop: format.word("hear_stop") },
      async (show) => {
        const [voice, line] = sample();
        this.#heard = voice.dialect;
        const reason = await this.#hearing?.play(voice, line, show);
        if (reason) this.#tell(cardOf?.() ?? this.#cardOf(button), `hear_${reason}`);
      },
      () => this.#hearing?.stop(),
    );
    return button;
  }

  /**
   * What is to be heard of a dialect, and shown meanwhile.
   * @param {string} id
   * @param {string | null} [manner]
   * @returns {[import("./hearing.js").Voice, import("./hearing.js").Line]}
   */
  #sample(id, manner = null) {
    const { preferences } = this.#parts;
    const dialect = this.#dialect(id);
    const language = /** @type {Language} */ (dialect?.language ?? "en");
    const text = (manner ? dialect?.talkativeness[manner] : dialect?.example) ?? "";
    const voice = { dialect: id, pitch: Number(this.#pitch.value), engine: this.#engine(language), talkativeness: manner };
    return [voice, { text, dialect: preferences.label(id), language }];
  }

  /** @param {EventTarget | null} target */
  async #change(target) {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement) || !target.name) return;
    const card = this.#cardOf(target);
    const isPitch = target === this.#pitch;
    const value = isPitch ? Number(target.value) : target.value || null;
    if (isPitch) this.#hearSoon();
    this.#saving += 1;
    const outcome = await this.#parts.preferences.save({ [target.name]: value }).then(() => "saved", () => "not_saved");
    this.#saving -= 1;
    this.#tell(card, outcome);
    this.show();
  }

  /** Let the pitch be heard that was chosen, once the slider rests. */
  #hearSoon() {
    clearTimeout(this.#timer);
    if (!this.#hearing) return;
    this.#timer = setTimeout(() => {
      const button = this.#pitchHear.querySelector("button");
      this.#hearing?.stop();
      button?.click();
    }, SETTLED);
  }

  #tellPitch() {
    const { format } = this.#parts;
    const steps = Number(this.#pitch.value);
    const way = steps > 0 ? "higher" : steps < 0 ? "lower" : "usual";
    const text = format.word(`pitch_${way}`, { count: Math.abs(steps) });
    this.#pitch.setAttribute("aria-valuetext", text);
    /** @type {HTMLElement} */ (this.#form.querySelector("#pitch-said")).textContent = text;
  }

  /** @param {HTMLElement} card @param {string} key */
  #tell(card, key) {
    for (const note of this.#form.querySelectorAll(".saved")) note.textContent = "";
    /** @type {HTMLElement} */ (card.querySelector(".saved")).textContent = this.#parts.format.word(key);
  }

  /** The dialect of the page's language, in which examples of all languages are. */
  get #ownDialect() {
    return String(this.#parts.preferences.values[this.#parts.format.language === "ja" ? "dialect_ja" : "dialect_en"]);
  }

  get #lastHeard() {
    return this.#dialect(this.#heard) ? this.#heard : this.#ownDialect;
  }

  /** @param {string} id */
  #dialect(id) {
    return this.#parts.preferences.dialects.find((one) => one.id === id);
  }

  /** @param {Language} language @returns {string | null} */
  #engine(language) {
    const chosen = this.#parts.preferences.values[`engine_${language}`];
    return typeof chosen === "string" ? chosen : null;
  }

  /** @param {string} name */
  #radios(name) {
    return /** @type {NodeListOf<HTMLInputElement>} */ (this.#form.querySelectorAll(`input[name="${name}"]`));
  }

  /** @param {string} name */
  #group(name) {
    return /** @type {HTMLElement} */ (this.#form.querySelector(`[data-group="${name}"]`));
  }

  /** @param {string} name of its group */
  #card(name) {
    return this.#cardOf(this.#group(name));
  }

  /** @param {Element} within */
  #cardOf(within) {
    return /** @type {HTMLElement} */ (within.closest(".card"));
  }

  get #pitch() {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("pitch"));
  }

  get #pitchCard() {
    return this.#cardOf(this.#pitch);
  }

  get #pitchHear() {
    return /** @type {HTMLElement} */ (this.#form.querySelector("#pitch-hear"));
  }
}

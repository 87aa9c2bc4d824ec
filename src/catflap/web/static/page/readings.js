// The reading dictionary: a list of words with how they are spoken, and a form to add one. Saved at each change.

import { create } from "../lib/dom.js";

/** @typedef {{word: string, reading: string}} Reading */

const MOST = 200;

export class Readings {
  #api;
  #format;
  #onSaved;
  #say;
  #form;
  #list;
  #note;

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {HTMLElement} section
   * @param {() => void} onSaved
   * @param {((text: string) => Promise<void>) | null} say says a word aloud; null where nothing is said
   */
  constructor(api, format, section, onSaved, say) {
    this.#api = api;
    this.#format = format;
    this.#onSaved = onSaved;
    this.#say = say;
    this.#form = /** @type {HTMLFormElement} */ (section.querySelector("form"));
    this.#list = /** @type {HTMLElement} */ (section.querySelector(".readings"));
    this.#note = /** @type {HTMLElement} */ (section.querySelector(".saved"));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
  }

  async load() {
    this.#show((await this.#api.get("/v1/readings")).readings);
    for (const control of this.#controls()) control.disabled = false;
  }

  async #add() {
    const { value: word } = this.#input("word");
    if (await this.#save({ word, reading: this.#input("reading").value }, this.#format.word("reading_learnt"))) {
      this.#form.reset();
      this.#input("word").focus();
    }
  }

  /** @param {string} word @param {number} place in the list */
  async #remove(word, place) {
    if (!(await this.#save({ word, reading: null }, this.#format.word("reading_forgotten")))) return;
    // The button that had the focus is gone.
    /** @type {NodeListOf<HTMLButtonElement>} */
    const buttons = this.#list.querySelectorAll("button:last-of-type");
    (buttons[Math.min(place, buttons.length - 1)] ?? this.#input("word")).focus();
  }

  /** @param {string} word */
  async #hear(word) {
    try {
      await this.#say?.(word);
      this.#note.textContent = this.#format.word("reading_listen");
    } catch {
      this.#note.textContent = this.#format.word("reading_unheard");
    }
  }

  /**
   * @param {{word: string, reading: string | null}} change
   * @param {string} said what the note says when it is saved
   */
  async #save(change, said) {
    try {
      this.#show((await this.#api.send("PATCH", "/v1/readings", { readings: [change] })).readings);
    } catch (error) {
      const status = error instanceof Object && "status" in error ? error.status : 0;
      const isFull = this.#list.childElementCount >= MOST;
      this.#note.textContent = this.#format.word(status !== 400 ? "not_saved" : isFull ? "readings_full" : "reading_refused");
      return false;
    }
    this.#note.textContent = said;
    this.#onSaved();
    return true;
  }

  /** @param {Reading[]} readings */
  #show(readings) {
    const rows = readings.map(({ word, reading }, place) => {
      const actions = create("span", "reading-actions");
      if (this.#say) actions.append(this.#button(this.#format.word("reading_hear"), this.#format.word("reading_hear_word", { word }), () => this.#hear(word)));
      const forget = this.#format.word("reading_forget_word", { word });
      actions.append(this.#button(this.#format.word("reading_forget"), forget, () => this.#remove(word, place)));
      const row = create("li", "reading");
      row.append(create("span", "what", word), create("span", "reading-said", reading), actions);
      return row;
    });
    this.#list.replaceChildren(...rows);
  }

  /** @param {string} text @param {string} label its name, which tells the word too @param {() => void} act */
  #button(text, label, act) {
    const button = /** @type {HTMLButtonElement} */ (create("button", "link", text));
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  }

  #controls() {
    return /** @type {NodeListOf<HTMLInputElement | HTMLButtonElement>} */ (this.#form.querySelectorAll("input, button"));
  }

  /** @param {string} name */
  #input(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name));
  }
}

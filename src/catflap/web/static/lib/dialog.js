// Questions that need an answer before something is done: a modal <dialog> with what it means and two buttons.
// The browser keeps the focus inside, answers "no" to Esc, and gives the focus back afterwards.

import { create } from "./dom.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {(string | Node)[]} body paragraphs; a node is inserted as it is
 * @property {string} yes what the button says that does it
 * @property {string} no what the button says that does not, which has the focus at first
 * @property {boolean} [danger] whether doing it can't be undone
 * @property {{label: string, word: string}} [typed] a word that must be typed before `yes` can be pressed
 * @property {() => Promise<unknown>} [act] done after "yes" while the dialog stays open; its error is shown there
 * @property {(error: unknown) => string} [explain] the sentence for an error of `act`
 * @property {AbortSignal} [signal] closes the dialog with "no", for example when the session has ended
 */

/**
 * Ask; true once "yes" was pressed and `act` is done.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function ask(question) {
  return new Promise((resolve) => new Dialog(question, resolve));
}

let dialogs = 0;

class Dialog {
  #question;
  #element = /** @type {HTMLDialogElement} */ (create("dialog", "ask"));
  #problem = create("p", "notice");
  #yes;
  #no;
  #input;
  #isActing = false;
  #isDone = false;

  /** @param {Question} question @param {(isDone: boolean) => void} resolve */
  constructor(question, resolve) {
    this.#question = question;
    this.#yes = button(question.danger ? "primary danger" : "primary", question.yes, "submit");
    this.#no = button("secondary", question.no, "button");
    this.#input = question.typed ? wordInput() : null;
    this.#build(++dialogs);
    const close = () => this.#element.close();
    this.#no.addEventListener("click", () => this.#isActing || close());
    // Esc: not while it is being done, because it may be done all the same.
    this.#element.addEventListener("cancel", (event) => this.#isActing && event.preventDefault());
    this.#element.addEventListener("close", () => {
      question.signal?.removeEventListener("abort", close);
      this.#element.remove();
      resolve(this.#isDone);
    });
    question.signal?.addEventListener("abort", close);
    document.body.append(this.#element);
    this.#element.showModal();
    if (question.signal?.aborted) close();
  }

  /** @param {number} number */
  #build(number) {
    const { title, body, typed } = this.#question;
    const heading = create("h2", "", title);
    const text = create("div", "ask-body");
    heading.id = `ask-title-${number}`;
    text.id = `ask-body-${number}`;
    this.#element.setAttribute("aria-labelledby", heading.id);
    this.#element.setAttribute("aria-describedby", text.id);
    text.append(...body.map((part) => (typeof part === "string" ? create("p", "", part) : part)));
    this.#problem.setAttribute("role", "alert");
    this.#problem.hidden = true;
    const buttons = create("div", "ask-buttons");
    buttons.append(this.#no, this.#yes);
    const form = /** @type {HTMLFormElement} */ (create("form", ""));
    form.append(heading, text);
    if (typed && this.#input) {
      const label = create("label", "", typed.label);
      label.append(this.#input);
      form.append(label);
      this.#input.addEventListener("input", () => this.#allow());
    }
    form.append(this.#problem, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#confirm();
    });
    this.#element.append(form);
    (this.#input ?? this.#no).autofocus = true;
    this.#allow();
  }

  /** Let "yes" be pressed once the word was typed, in capitals or not. */
  #allow() {
    const { typed } = this.#question;
    const same = (/** @type {string} */ text) => text.normalize("NFKC").trim().toLowerCase();
    this.#yes.disabled = Boolean(typed && this.#input && same(this.#input.value) !== same(typed.word));
  }

  async #confirm() {
    if (this.#isActing || this.#yes.disabled) return;
    this.#rest(true);
    this.#problem.hidden = true;
    try {
      await this.#question.act?.();
      this.#isDone = true;
      this.#element.close();
    } catch (error) {
      this.#problem.textContent = this.#question.explain?.(error) ?? String(error);
      this.#problem.hidden = false;
    } finally {
      this.#rest(false);
    }
  }

  /** @param {boolean} isActing */
  #rest(isActing) {
    this.#isActing = isActing;
    this.#element.setAttribute("aria-busy", String(isActing));
    // Not disabled, which would take the focus from it.
    for (const one of [this.#yes, this.#no]) one.setAttribute("aria-disabled", String(isActing));
  }
}

/** @param {string} className @param {string} text @param {"submit" | "button"} type */
function button(className, text, type) {
  const made = /** @type {HTMLButtonElement} */ (create("button", className, text));
  made.type = type;
  return made;
}

function wordInput() {
  const made = /** @type {HTMLInputElement} */ (create("input", ""));
  made.autocomplete = "off";
  made.autocapitalize = "off";
  made.spellcheck = false;
  return made;
}

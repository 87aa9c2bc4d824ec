// Pair a device by its code, typed or from the link of its QR code, after a look at what shows it; or accept an
// invitation to somebody else's. A link never does either by itself.

import { during } from "./parts.js";

/** Codes of devices have eight letters or six digits; those of invitations are longer. */
const LONGEST_CODE = 20;

export class Pairing {
  #context;
  #find;
  #claim;
  #accept;
  #note;
  #code = "";

  /** @param {import("./parts.js").Context} context @param {HTMLElement} card */
  constructor(context, card) {
    this.#context = context;
    const [find, claim, accept] = card.querySelectorAll("form");
    if (!find || !claim || !accept) throw new Error("pairing lacks its forms");
    this.#find = find;
    this.#claim = claim;
    this.#accept = accept;
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
    this.#on(find, () => this.#look());
    this.#on(claim, () => this.#pair());
    this.#on(accept, () => this.#join(), { not_found: "invitation_over", invalid_request: "invitation_own" });
    for (const form of [claim, accept]) form.addEventListener("reset", () => this.#close(form));
    for (const control of find.querySelectorAll("input, button")) control.removeAttribute("disabled");
    context.signal.addEventListener("abort", () => [claim, accept].forEach((form) => this.#close(form)));
  }

  /** Show what a link is about. @param {import("../../lib/link.js").Link} link */
  async follow({ code, invitation }) {
    const typed = this.#input(this.#find, "code");
    typed.value = code || invitation;
    typed.scrollIntoView({ block: "center" });
    await this.#during(this.#find, () => this.#look());
  }

  async #look() {
    this.#code = this.#input(this.#find, "code").value.normalize("NFKC").trim();
    this.#note.textContent = "";
    for (const form of [this.#claim, this.#accept]) this.#close(form);
    if (this.#code.length > LONGEST_CODE) {
      this.#accept.hidden = false;
      this.#input(this.#accept, "says_name").focus();
      return;
    }
    const { format } = this.#context;
    const { model, seconds_ago, address, is_same_network } = await this.#context.api.send("POST", "/v1/pairings/preview", { code: this.#code });
    const from = format.word(is_same_network ? "device_from_here" : "device_from", { address });
    this.#element(".found").textContent = format.word("device_found", { model, ago: format.ago(seconds_ago), from });
    this.#element(".found-warning").hidden = is_same_network;
    this.#claim.hidden = false;
    this.#input(this.#claim, "name").focus();
  }

  async #pair() {
    const [name, room] = ["name", "room"].map((one) => this.#input(this.#claim, one).value.trim());
    await this.#context.api.send("POST", "/v1/devices", { code: this.#code, ...(name && { name }), ...(room && { room }) });
    this.#claim.reset();
    await this.#done("paired");
  }

  async #join() {
    const [says_name, says_titles] = ["says_name", "says_titles"].map((one) => this.#input(this.#accept, one).checked);
    await this.#context.api.send("POST", "/v1/invitations/accept", { code: this.#code, says_name, says_titles });
    this.#close(this.#accept);
    await this.#done("invitation_accepted");
  }

  /** @param {string} word */
  async #done(word) {
    this.#find.reset();
    this.#input(this.#find, "code").focus();
    this.#context.tell(this.#context.format.word(`device_${word}`));
    await this.#context.reload();
  }

  /** @param {HTMLFormElement} form */
  #close(form) {
    form.hidden = true;
    this.#element(".found").textContent = "";
  }

  /** @param {HTMLFormElement} form @param {() => Promise<void>} act @param {Record<string, string>} [errors] words */
  #on(form, act, errors) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#during(form, act, errors);
    });
  }

  /** @param {HTMLFormElement} form @param {() => Promise<void>} act @param {Record<string, string>} [errors] */
  async #during(form, act, errors = {}) {
    const submit = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
    await during({ ...this.#context, errors, tell: (text) => (this.#note.textContent = text) }, submit, act);
  }

  /** @param {string} selector */
  #element(selector) {
    return /** @type {HTMLElement} */ (this.#claim.querySelector(selector));
  }

  /** @param {HTMLFormElement} form @param {string} name */
  #input(form, name) {
    return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  }
}

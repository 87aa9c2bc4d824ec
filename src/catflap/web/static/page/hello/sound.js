// The step "say hello": the touch that browsers want before they let a page make a sound, and help where none is heard.

import { byId } from "../../lib/dom.js";

const SAYS = new Set(["speaking", "showing"]);

export class SoundStep {
  #button;
  #note;
  #parts;

  /** @param {HTMLElement} card @param {import("../screens.js").Parts} parts */
  constructor(card, parts) {
    this.#parts = parts;
    this.#button = /** @type {HTMLButtonElement} */ (card.querySelector(".hello-say"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
    this.#button.addEventListener("click", () => this.#say());
    // Once she says it there is no more to wait for.
    const mia = byId("mia", SVGElement);
    new MutationObserver(() => SAYS.has(mia.dataset.state ?? "") && this.begin()).observe(mia, { attributeFilter: ["data-state"] });
  }

  begin() {
    this.#note.textContent = "";
  }

  end() {}

  forget() {}

  async #say() {
    const { device, format } = this.#parts;
    if (this.#button.getAttribute("aria-disabled") === "true") return;
    // Not disabled, which would take the focus from it.
    this.#button.setAttribute("aria-disabled", "true");
    this.#note.textContent = format.word("hello_listen");
    try {
      await device.say(format.word("device_hello"));
    } catch {
      this.#note.textContent = format.word("reading_unheard");
    } finally {
      this.#button.removeAttribute("aria-disabled");
    }
  }
}

// The speakers of Home Assistant, each to be made a device with one button; without Home Assistant there is no card.

import { create } from "../../lib/dom.js";
import { button, codeOf, during, sentence } from "./parts.js";

/** @typedef {{entity: string, name: string, room: string, resumes: boolean, available: boolean, device: number | null, at_rest: boolean}} Speaker */

export class Speakers {
  #context;
  #card;
  #list;
  #note;

  /** @param {import("./parts.js").Context} context @param {HTMLElement} card */
  constructor(context, card) {
    this.#context = context;
    this.#card = card;
    this.#list = /** @type {HTMLElement} */ (card.querySelector("ul"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  }

  async load() {
    const { api, format } = this.#context;
    try {
      const { speakers } = await api.get("/v1/speakers");
      this.#show(speakers);
      this.#note.textContent = speakers.length > 0 ? "" : format.word("speakers_none");
    } catch (error) {
      const code = codeOf(error);
      if (!code.startsWith("home_assistant_") || code === "home_assistant_off") return;
      this.#note.textContent = sentence(format, error);
    }
    this.#card.hidden = false;
  }

  forget() {
    this.#list.replaceChildren();
    this.#card.hidden = true;
  }

  /** @param {Speaker[]} speakers */
  #show(speakers) {
    this.#list.replaceChildren(...speakers.map((one) => this.#item(one)));
  }

  /** @param {Speaker} speaker */
  #item(speaker) {
    const { format } = this.#context;
    const row = create("li", "member");
    const { entity, name, room, resumes, available, device, at_rest } = speaker;
    const more = [room, available ? "" : format.word("device_offline"), at_rest ? format.word("speaker_at_rest") : "", resumes ? "" : format.word("speaker_ends_music")];
    row.append(create("span", "what", name));
    if (device === null) {
      const add = button("chip", format.word("speaker_add"), `${format.word("speaker_add")}: ${name}`);
      add.addEventListener("click", () => during(this.#context, add, () => this.#add(entity, name)));
      row.append(add);
    } else row.append(create("span", "quiet small", format.word("speaker_is_device")));
    row.append(create("span", "which", more.filter(Boolean).join(" · ")));
    return row;
  }

  /** @param {string} entity @param {string} name */
  async #add(entity, name) {
    const { api, format } = this.#context;
    await api.send("POST", "/v1/speakers", { entity });
    this.#context.tell(format.word("speaker_added", { name }));
    await Promise.all([this.load(), this.#context.reload()]);
    // Its button is gone.
    this.#card.querySelector("h2")?.focus();
  }
}

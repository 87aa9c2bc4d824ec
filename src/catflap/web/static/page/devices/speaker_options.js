// What is set for a speaker of Home Assistant only: an entity that says when somebody rests there, and its volume.

import { create } from "../../lib/dom.js";
import { box, button, during, field, input, sentence } from "./parts.js";

export class SpeakerOptions {
  #context;
  #device;
  #rest = input("text", { maxLength: 220, placeholder: "input_boolean.children_asleep", spellcheck: false, autocapitalize: "off" });
  #volume = input("range", { min: "0", max: "100", step: "5", value: "40" });
  #own;

  /** @param {import("./parts.js").Context} context @param {import("./parts.js").DeviceResource} device */
  constructor(context, device) {
    const { format } = context;
    this.#context = context;
    this.#device = device;
    const [own, ownBox] = box(format.word("speaker_own_volume"), true);
    this.#own = ownBox;
    const save = button("secondary", format.word("device_save"));
    save.type = "submit";
    const form = (this.element = /** @type {HTMLFormElement} */ (create("form", "device-part")));
    form.append(create("h3", "", "Home Assistant"), field(format.word("speaker_rest"), this.#rest), own, field(format.word("volume"), this.#volume), save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      during(context, save, () => this.#save());
    });
    ownBox.addEventListener("change", () => (this.#volume.disabled = ownBox.checked));
    // Until it is known what is set, nothing can be typed that an answer would take back.
    for (const control of [this.#rest, ownBox, this.#volume, save]) control.disabled = true;
    this.#load().then(() => (this.#rest.disabled = ownBox.disabled = save.disabled = false)).catch((error) => context.tell(sentence(format, error)));
  }

  async #load() {
    const { speakers } = await this.#context.api.get("/v1/speakers");
    const mine = speakers.find((/** @type {{device: number | null}} */ one) => one.device === this.#device.id);
    this.#rest.value = mine?.rest_entity ?? "";
    this.#own.checked = typeof mine?.volume !== "number";
    this.#volume.disabled = this.#own.checked;
    if (!this.#own.checked) this.#volume.value = String(mine.volume);
  }

  async #save() {
    const rest_entity = this.#rest.value.trim() || null;
    const volume = this.#own.checked ? null : Number(this.#volume.value);
    await this.#context.api.send("PUT", `/v1/speakers/${this.#device.id}`, { rest_entity, volume });
    this.#context.tell(this.#context.format.word("saved"));
  }
}

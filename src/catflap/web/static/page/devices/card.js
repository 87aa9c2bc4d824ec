// One device: what it is and whether it is there, what was heard, volume and mute, and more on demand.

import { create } from "../../lib/dom.js";
import { ask } from "../../lib/dialog.js";
import { Members } from "./members.js";
import { Name } from "./name.js";
import { button, during, field, input, sentence, show } from "./parts.js";
import { Plays } from "./plays.js";
import { Settings } from "./settings.js";

/** @typedef {import("./parts.js").DeviceResource} DeviceResource */
/** @typedef {import("./parts.js").Context} Context */

const HOUR = 3_600_000;
/** The end of a mute without one (`catflap.devices.mute.ALWAYS`). */
const ALWAYS = "2100-01-01T00:00:00Z";

export class Card {
  #context;
  #device;
  #name;
  #plays;
  #volume = input("range", { min: "0", max: "100", step: "5" });
  #mute = create("div", "device-mute");
  #isMuted = "";
  /** What the buttons say, with the name of the device for who hears them out of context. @type {Map<HTMLElement, string>} */
  #labels = new Map();
  /** @type {Settings | null} */
  #settings = null;

  /** @param {Context} context @param {DeviceResource} device */
  constructor(context, device) {
    this.#context = context;
    this.#device = device;
    this.element = create("li", "card device-card");
    this.element.dataset.device = String(device.id);
    this.#name = new Name(context, device);
    this.#plays = new Plays(context.format);
    this.element.append(this.#name.element, this.#plays.summary);
    if (device.is_owner) this.element.append(this.#controls());
    this.element.append(this.#more());
    this.update(device, []);
  }

  /** @param {DeviceResource} device @param {import("./parts.js").Play[]} plays */
  update(device, plays) {
    this.#device = device;
    this.#name.update(device);
    this.#plays.update(plays);
    show(this.#volume, String(device.volume));
    this.#showMute();
    this.#settings?.update(device);
    for (const [one, word] of this.#labels) this.#label(one, word);
  }

  /** @param {HTMLElement} one @param {string} word */
  #label(one, word) {
    this.#labels.set(one, word);
    one.setAttribute("aria-label", `${this.#context.format.word(word)}: ${this.#device.name}`);
  }

  #controls() {
    const { format } = this.#context;
    const made = create("div", "device-controls");
    const test = button("secondary", format.word("device_test"));
    this.#label(test, "device_test");
    test.addEventListener("click", () => during(this.#context, test, () => this.#test()));
    made.append(test);
    // A speaker of Home Assistant has a volume of its own.
    if (this.#device.channel !== "home_assistant") {
      this.#volume.addEventListener("change", () => during(this.#context, this.#volume, () => this.#change({ volume: Number(this.#volume.value) })));
      const volume = field(format.word("volume"), this.#volume);
      volume.classList.add("device-volume");
      made.append(volume);
    }
    made.append(this.#mute);
    return made;
  }

  #more() {
    const { format } = this.#context;
    const made = /** @type {HTMLDetailsElement} */ (create("details", "device-more"));
    const summary = create("summary", "", format.word("device_more"));
    this.#label(summary, "device_more");
    made.append(summary, this.#plays.details);
    // Most are never opened, and members are asked for.
    made.addEventListener("toggle", () => made.open && made.children.length === 2 && this.#fill(made));
    return made;
  }

  /** @param {HTMLElement} more */
  #fill(more) {
    const { id, is_owner } = this.#device;
    if (is_owner) {
      this.#settings = new Settings(this.#context, this.#device);
      more.append(this.#settings.element);
    }
    more.append(new Members(this.#context, this.#device).element);
    if (is_owner && id !== this.#context.device.id) more.append(this.#removal());
  }

  #removal() {
    const { format } = this.#context;
    const made = create("div", "device-part");
    const remove = button("link device-remove", format.word("device_remove"));
    this.#label(remove, "device_remove");
    remove.addEventListener("click", () => this.#remove());
    made.append(remove);
    return made;
  }

  async #remove() {
    const { api, format, signal } = this.#context;
    const { id, name, channel } = this.#device;
    const isDone = await ask({
      title: format.word("device_remove_ask", { name }),
      body: [format.word("device_remove_why"), channel === "home_assistant" ? format.word("device_remove_speaker") : format.word("device_remove_again")],
      yes: format.word("device_remove"),
      no: format.word("device_keep"),
      danger: true,
      signal,
      act: () => api.send("DELETE", `/v1/devices/${id}`),
      explain: (error) => sentence(format, error),
    });
    if (!isDone) return;
    this.#context.tell(format.word("device_removed"));
    await this.#context.reload();
  }

  async #test() {
    const { api, format } = this.#context;
    await api.send("POST", "/v1/say", { text: format.word("device_hello"), device: this.#device.id });
    this.#context.tell(format.word("device_listen"));
  }

  #showMute() {
    const { clock, format } = this.#context;
    const until = this.#device.muted_until;
    const isMuted = until !== null && Date.parse(until) > clock.now() ? until : "";
    if (isMuted === this.#isMuted && this.#mute.firstChild) return;
    this.#isMuted = isMuted;
    const had = this.#mute.contains(document.activeElement);
    if (isMuted) {
      const isShort = Date.parse(isMuted) - clock.now() < 24 * HOUR;
      this.#mute.replaceChildren(
        create("span", "quiet small", isShort ? format.word("device_muted_until", { time: format.time(isMuted) }) : format.word("device_muted")),
        this.#chip("unmute", () => null),
      );
    } else {
      this.#mute.replaceChildren(
        this.#chip("mute_hour", () => new Date(clock.now() + HOUR).toISOString()),
        this.#chip("mute_always", () => ALWAYS),
      );
    }
    if (had) this.#mute.querySelector("button")?.focus();
  }

  /** @param {string} word @param {() => string | null} until */
  #chip(word, until) {
    const { format } = this.#context;
    const text = format.word(`device_${word}`);
    const chip = button("chip", text, `${text}: ${this.#device.name}`);
    chip.addEventListener("click", () => during(this.#context, chip, () => this.#change({ muted_until: until() })));
    return chip;
  }

  /** @param {Record<string, unknown>} changes */
  async #change(changes) {
    await this.#context.api.send("PATCH", `/v1/devices/${this.#device.id}`, changes);
    await this.#context.reload();
  }
}

// What the owner of a device sets seldom: its quiet hours, the format of its sounds, and its key.

import { ask } from "../../lib/dialog.js";
import { create } from "../../lib/dom.js";
import { button, during, field, input, sentence, show } from "./parts.js";
import { SpeakerOptions } from "./speaker_options.js";

/** @typedef {import("./parts.js").DeviceResource} DeviceResource */

const CODECS = { wav: "WAV", mp3: "MP3", opus: "Ogg/Opus", flac: "FLAC" };
const RATES = [8000, 16000, 22050, 24000, 44100, 48000];
/** RFC 6716, section 2. */
const NOT_OF_OPUS = [22050, 44100];

export class Settings {
  #context;
  #device;
  #from = input("time", { required: true });
  #until = input("time", { required: true });
  #noQuiet;
  #format = /** @type {HTMLSelectElement} */ (create("select", ""));
  #rate = /** @type {HTMLSelectElement} */ (create("select", ""));

  /** @param {import("./parts.js").Context} context @param {DeviceResource} device */
  constructor(context, device) {
    this.#context = context;
    this.#device = device;
    this.#noQuiet = button("link", context.format.word("device_quiet_none"));
    this.element = create("div", "device-settings");
    this.element.append(this.#quietHours());
    if (device.channel === "home_assistant") this.element.append(new SpeakerOptions(context, device).element);
    else if (device.model !== "browser") this.element.append(this.#audio());
    this.element.append(this.#key());
    this.update(device);
  }

  /** @param {DeviceResource} device */
  update(device) {
    this.#device = device;
    const { quiet_hours, audio } = device;
    this.#noQuiet.hidden = quiet_hours === null;
    if (![this.#from, this.#until].some((one) => document.activeElement === one)) {
      this.#from.value = quiet_hours?.from ?? "";
      this.#until.value = quiet_hours?.until ?? "";
    }
    show(this.#format, audio.format);
    show(this.#rate, String(audio.rate));
    for (const option of this.#rate.options) option.disabled = audio.format === "opus" && NOT_OF_OPUS.includes(Number(option.value));
  }

  #quietHours() {
    const { format } = this.#context;
    const form = /** @type {HTMLFormElement} */ (create("form", "device-part"));
    const save = button("secondary", format.word("device_save"));
    save.type = "submit";
    const pair = create("div", "device-fields");
    pair.append(field(format.word("device_quiet_from"), this.#from), field(format.word("device_quiet_until"), this.#until));
    const buttons = create("div", "pair-buttons");
    buttons.append(save, this.#noQuiet);
    form.append(create("h3", "", format.word("device_quiet")), create("p", "quiet small", format.word("device_quiet_why")), pair, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      during(this.#context, save, () => this.#change({ quiet_hours: { from: this.#from.value, until: this.#until.value } }));
    });
    this.#noQuiet.addEventListener("click", () => {
      // It is hidden when there are none any more.
      save.focus();
      during(this.#context, this.#noQuiet, () => this.#change({ quiet_hours: null }));
    });
    return form;
  }

  #audio() {
    const { format } = this.#context;
    const made = create("div", "device-part");
    this.#format.append(...Object.entries(CODECS).map(([codec, name]) => new Option(name, codec)));
    this.#rate.append(...RATES.map((rate) => new Option(`${rate} Hz`, String(rate))));
    const change = () => {
      const isOpus = this.#format.value === "opus";
      const rate = isOpus && NOT_OF_OPUS.includes(Number(this.#rate.value)) ? 24000 : Number(this.#rate.value);
      return this.#change({ audio: { format: this.#format.value, rate } });
    };
    for (const select of [this.#format, this.#rate]) select.addEventListener("change", () => during(this.#context, select, change));
    const pair = create("div", "device-fields");
    pair.append(field(format.word("device_audio"), this.#format), field(format.word("device_rate"), this.#rate));
    made.append(create("h3", "", format.word("device_sound")), create("p", "quiet small", format.word("device_audio_why")), pair);
    return made;
  }

  #key() {
    const { device, format } = this.#context;
    const made = create("div", "device-part");
    made.hidden = this.#device.channel === "home_assistant";
    made.append(create("h3", "", format.word("device_key")));
    // Without https a page has no SHA-256.
    if (this.#device.id !== device.id || !crypto.subtle) {
      made.append(create("p", "quiet small", format.word("device_key_why")));
      return made;
    }
    const change = button("secondary", format.word("device_key_change"));
    change.addEventListener("click", () => this.#changeKey());
    made.append(create("p", "quiet small", format.word("device_key_here")), change);
    return made;
  }

  async #changeKey() {
    const { device, format, signal } = this.#context;
    const isDone = await ask({
      title: format.word("device_key_ask"),
      body: [format.word("device_key_means")],
      yes: format.word("device_key_change"),
      no: format.word("device_keep"),
      signal,
      act: () => device.renew(),
      explain: (error) => sentence(format, error),
    });
    if (isDone) this.#context.tell(format.word("device_key_changed"));
  }

  /** @param {Record<string, unknown>} changes */
  async #change(changes) {
    this.#device = await this.#context.api.send("PATCH", `/v1/devices/${this.#device.id}`, changes);
    this.update(this.#device);
    this.#context.tell(this.#context.format.word("saved"));
  }
}

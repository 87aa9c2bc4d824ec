// The head of a device's card: whether it is there, its name and room, and both in a form to change them.

import { create } from "../../lib/dom.js";
import { button, during, field, input } from "./parts.js";

/** @typedef {import("./parts.js").DeviceResource} DeviceResource */

export class Name {
  #context;
  #device;
  #dot = create("span", "dot");
  #heading = create("h2", "device-name");
  #where = create("p", "quiet small");
  /** @type {HTMLFormElement | null} */
  #form = null;
  /** @type {HTMLButtonElement | null} */
  #rename = null;

  /** @param {import("./parts.js").Context} context @param {DeviceResource} device */
  constructor(context, device) {
    this.#context = context;
    this.#device = device;
    this.element = create("div", "device-head");
    this.#dot.setAttribute("aria-hidden", "true");
    const title = create("div", "device-title");
    title.append(this.#heading, this.#where);
    this.element.append(this.#dot, title);
    if (!device.is_owner) return;
    this.#rename = button("link", context.format.word("device_rename"));
    this.#rename.addEventListener("click", () => this.#edit());
    this.element.append(this.#rename);
  }

  /** @param {DeviceResource} device */
  update(device) {
    const { format } = this.#context;
    this.#device = device;
    this.#dot.classList.toggle("online", device.online);
    this.#heading.textContent = device.name;
    this.#rename?.setAttribute("aria-label", `${format.word("device_rename")}: ${device.name}`);
    const parts = [
      device.id === this.#context.device.id ? format.word("device_this") : "",
      device.room,
      device.is_owner ? "" : format.word("device_shared"),
      device.model === device.name || device.model === "browser" ? "" : device.model,
      this.#presence(),
    ];
    this.#where.textContent = parts.filter(Boolean).join(" · ");
  }

  #presence() {
    const { clock, format } = this.#context;
    const { online, last_seen_at } = this.#device;
    if (online) return format.word("device_online");
    if (last_seen_at === null) return format.word("device_never");
    const isToday = format.date(last_seen_at) === format.date(clock.now());
    const time = isToday ? format.time(last_seen_at) : `${format.date(last_seen_at)} ${format.time(last_seen_at)}`;
    return format.word("device_away_since", { time });
  }

  #edit() {
    if (this.#form) return;
    const { format } = this.#context;
    const form = (this.#form = /** @type {HTMLFormElement} */ (create("form", "device-rename")));
    const name = input("text", { maxLength: 60, required: true, value: this.#device.name });
    const room = input("text", { maxLength: 60, value: this.#device.room });
    const [save, cancel] = [button("primary", format.word("device_save")), button("link", format.word("device_cancel"))];
    save.type = "submit";
    const buttons = create("div", "pair-buttons");
    buttons.append(save, cancel);
    form.append(field(format.word("device_name"), name), field(format.word("device_room"), room), buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      during(this.#context, save, () => this.#save(name.value.trim(), room.value.trim()));
    });
    const close = () => this.#close();
    cancel.addEventListener("click", close);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    this.element.append(form);
    name.select();
  }

  #close() {
    this.#form?.remove();
    this.#form = null;
    this.#rename?.focus();
  }

  /** @param {string} name @param {string} room */
  async #save(name, room) {
    if (!name) return;
    await this.#context.api.send("PATCH", `/v1/devices/${this.#device.id}`, { name, room });
    await this.#context.reload();
    this.#close();
    this.#context.tell(this.#context.format.word("saved"));
  }
}

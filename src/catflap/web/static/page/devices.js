// The user's devices: a list of them, and a form that pairs one by the code that it shows or speaks.

import { create } from "../lib/dom.js";

/** @typedef {{id: number, name: string, model: string, room: string, online: boolean, is_owner: boolean}} DeviceResource */

const AGAIN = 10_000;

export class Devices {
  #api;
  #format;
  #own;
  #list;
  #find;
  #claim;
  #note;
  #code = "";
  #shown = "";

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/format.js").Format} format
   * @param {HTMLElement} section
   * @param {() => number | null} own the id of this browser, if it is a device
   */
  constructor(api, format, section, own) {
    this.#own = own;
    this.#api = api;
    this.#format = format;
    this.#list = /** @type {HTMLElement} */ (section.querySelector(".devices"));
    const [find, claim] = section.querySelectorAll("form");
    if (!find || !claim) throw new Error("the devices lack their forms");
    this.#find = find;
    this.#claim = claim;
    this.#note = /** @type {HTMLElement} */ (section.querySelector(".saved"));
    find.addEventListener("submit", (event) => this.#during(event, find, () => this.#look()));
    claim.addEventListener("submit", (event) => this.#during(event, claim, () => this.#pair()));
    claim.addEventListener("reset", () => this.#close());
    for (const control of find.querySelectorAll("input, button")) control.removeAttribute("disabled");
  }

  /** Show the devices, and again now and then, until the signal is aborted. @param {AbortSignal} signal */
  async follow(signal) {
    const timer = setInterval(() => document.hidden || this.load(), AGAIN);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.#list.replaceChildren();
      this.#close();
    });
    await this.load();
  }

  async load() {
    const found = await this.#api.get("/v1/devices").catch(() => null);
    if (found) this.#show(found.devices);
  }

  async #look() {
    this.#code = this.#input(this.#find, "code").value;
    const { model, seconds_ago, address, is_same_network } = await this.#api.send("POST", "/v1/pairings/preview", { code: this.#code });
    const ago = this.#format.ago(seconds_ago);
    const from = this.#format.word(is_same_network ? "device_from_here" : "device_from", { address });
    this.#element(".found").textContent = this.#format.word("device_found", { model, ago, from });
    this.#claim.hidden = false;
    this.#input(this.#claim, "name").focus();
    this.#note.textContent = "";
  }

  async #pair() {
    const [name, room] = [this.#input(this.#claim, "name").value.trim(), this.#input(this.#claim, "room").value.trim()];
    await this.#api.send("POST", "/v1/devices", { code: this.#code, ...(name && { name }), ...(room && { room }) });
    this.#close();
    this.#find.reset();
    this.#input(this.#find, "code").focus();
    this.#note.textContent = this.#format.word("device_paired");
    await this.load();
  }

  #close() {
    this.#claim.hidden = true;
    this.#element(".found").textContent = "";
  }

  /**
   * Carry out what a form is for; its buttons rest meanwhile.
   * @param {Event} event
   * @param {HTMLFormElement} form
   * @param {() => Promise<void>} act
   */
  async #during(event, form, act) {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      const code = error instanceof Object && "code" in error ? String(error.code) : "";
      this.#note.textContent = this.#format.oneOf(`device_${code}`, "not_done");
    } finally {
      button.disabled = false;
    }
  }

  /** @param {DeviceResource[]} devices */
  #show(devices) {
    const shown = JSON.stringify(devices.map(({ id, name, room, online }) => [id, name, room, online, id === this.#own()]));
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.id : "";
    this.#list.replaceChildren(...devices.map((device) => this.#row(device)));
    if (focused) document.getElementById(focused)?.focus();
  }

  /** @param {DeviceResource} device */
  #row({ id, name, room, online, is_owner }) {
    const row = create("li", "device");
    const dot = create("span", online ? "dot online" : "dot");
    dot.setAttribute("aria-hidden", "true");
    const here = id === this.#own() ? this.#format.word("device_this") : "";
    const where = [here, room, this.#format.word(online ? "device_online" : "device_offline")].filter(Boolean).join(" · ");
    const actions = create("span", "reading-actions");
    if (is_owner) {
      actions.append(
        this.#button(`device-test-${id}`, this.#format.word("device_test"), name, () => this.#test(id)),
        this.#button(`device-remove-${id}`, this.#format.word("device_remove"), name, () => this.#remove(id)),
      );
    }
    row.append(dot, create("span", "what", name), create("span", "which", where), actions);
    return row;
  }

  /** @param {string} id @param {string} text @param {string} name @param {() => Promise<void>} act */
  #button(id, text, name, act) {
    const button = /** @type {HTMLButtonElement} */ (create("button", "link", text));
    button.id = id;
    button.type = "button";
    button.setAttribute("aria-label", `${text}: ${name}`);
    button.addEventListener("click", () => act().catch(() => (this.#note.textContent = this.#format.word("not_done"))));
    return button;
  }

  /** @param {number} id */
  async #test(id) {
    await this.#api.send("POST", "/v1/say", { text: this.#format.word("device_hello"), device: id });
    this.#note.textContent = this.#format.word("reading_listen");
  }

  /** @param {number} id */
  async #remove(id) {
    await this.#api.send("DELETE", `/v1/devices/${id}`);
    this.#note.textContent = this.#format.word("device_removed");
    await this.load();
    this.#input(this.#find, "code").focus();
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

// The screen "Devices": a card for each device, pairing, speakers of Home Assistant, and how to build one.

import { keepLink, takeLink } from "../../lib/link.js";
import { Card } from "../devices/card.js";
import { Pairing } from "../devices/pairing.js";
import { during } from "../devices/parts.js";
import { Speakers } from "../devices/speakers.js";

/** @typedef {import("../devices/parts.js").Context} Context */

const AGAIN = 10_000;
/** How long a note about what was done stays. */
const NOTED = 8000;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, { api, format, clock, session, device, speaks }) {
  if (!speaks) return {};
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (section.querySelector(selector));
  const list = find("#device-list");
  const toast = find(".toast");
  let timer = 0;
  /** @type {Context} */
  const context = { api, format, clock, device, signal: session.signal, reload: load, tell };
  const cards = new Cards(context, list, find("#device-none"));
  const speakers = new Speakers(context, find("#device-speakers"));
  const pairing = new Pairing(context, find("#device-pair"));
  const follow = () => {
    const link = takeLink();
    if (link) pairing.follow(link);
  };
  showCommand(context, find("#device-firmware"));
  // This browser is one of them as soon as it has introduced itself.
  device.addEventListener("made", load);
  window.addEventListener("hashchange", () => keepLink() && !section.hidden && follow());
  const repeated = setInterval(() => document.hidden || section.hidden || load(), AGAIN);
  session.signal.addEventListener("abort", () => clearInterval(repeated));

  async function load() {
    const [devices, plays] = await Promise.all([api.get("/v1/devices"), api.get("/v1/plays")]).catch(() => []);
    if (!devices || session.signal.aborted) return;
    cards.show(devices.devices, new Map(plays.devices.map((/** @type {any} */ one) => [one.device, one.plays])));
  }

  /** @param {string} text */
  function tell(text) {
    clearTimeout(timer);
    toast.textContent = text;
    timer = setTimeout(() => (toast.textContent = ""), NOTED);
  }

  return {
    shown() {
      load();
      speakers.load();
      follow();
    },
    forget() {
      cards.show([], new Map());
      speakers.forget();
      toast.textContent = "";
    },
  };
}

/** The cards of all devices, each kept as long as its device is there, with what is open and has the focus. */
class Cards {
  #context;
  #list;
  #none;
  /** @type {Map<number, Card>} */
  #cards = new Map();

  /** @param {Context} context @param {HTMLElement} list @param {HTMLElement} none shown where there is no device */
  constructor(context, list, none) {
    this.#context = context;
    this.#list = list;
    this.#none = none;
  }

  /**
   * @param {import("../devices/parts.js").DeviceResource[]} devices
   * @param {Map<number, import("../devices/parts.js").Play[]>} plays
   */
  show(devices, plays) {
    const there = new Set(devices.map(({ id }) => id));
    for (const [id, card] of this.#cards) {
      if (there.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    for (const device of this.#ordered(devices)) {
      const card = this.#cards.get(device.id) ?? new Card(this.#context, device);
      if (!this.#cards.has(device.id)) {
        this.#cards.set(device.id, card);
        this.#list.append(card.element);
      }
      card.update(device, plays.get(device.id) ?? []);
    }
    this.#none.hidden = devices.length > 0;
    this.#list.removeAttribute("aria-busy");
  }

  /** This browser last: of what stands in a home there is more to say. @param {import("../devices/parts.js").DeviceResource[]} devices */
  #ordered(devices) {
    return [...devices].sort((one, other) => Number(one.model === "browser") - Number(other.model === "browser"));
  }
}

/** Fill in the address of this server in the command that makes the firmware. @param {Context} context @param {HTMLElement} card */
function showCommand(context, card) {
  const command = `catflap device firmware mia-board --server ${location.origin}${context.api.prefixes.mia}`;
  const copy = /** @type {HTMLButtonElement} */ (card.querySelector("button"));
  const code = /** @type {HTMLElement} */ (card.querySelector("code"));
  code.textContent = command;
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", () =>
    during(context, copy, async () => {
      await navigator.clipboard.writeText(command);
      context.tell(context.format.word("device_copied"));
    }),
  );
}

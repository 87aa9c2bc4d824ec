// What the modules of the screen "Devices" share: what they work with, buttons and fields, and how errors are said.

import { create } from "../../lib/dom.js";

/**
 * @typedef {object} DeviceResource as GET /v1/devices has it
 * @property {number} id
 * @property {string} name
 * @property {string} model
 * @property {string} room
 * @property {string} channel
 * @property {number} volume
 * @property {string | null} muted_until
 * @property {{from: string, until: string, zone: string} | null} quiet_hours
 * @property {{format: string, rate: number}} audio
 * @property {string | null} last_seen_at
 * @property {boolean} online
 * @property {boolean} is_owner
 *
 * @typedef {{play_at: string, state: "played" | "failed" | "missed" | "held", reason: string | null, late_seconds: number | null}} Play
 *
 * @typedef {object} Context
 * @property {import("../../lib/api.js").Api} api
 * @property {import("../../lib/format.js").Format} format
 * @property {import("../../lib/clock.js").ServerClock} clock
 * @property {import("../device.js").Device} device this browser
 * @property {AbortSignal} signal aborted when the session has ended
 * @property {() => Promise<void>} reload read the list of devices again
 * @property {(text: string) => void} tell say something to the user
 * @property {Record<string, string>} [errors] as of `sentence`
 */

/**
 * The sentence for an error of the API.
 * @param {import("../../lib/format.js").Format} format
 * @param {unknown} error
 * @param {Record<string, string>} [words] which word (`device_…`) another code than the error's has
 */
export function sentence(format, error, words = { not_found: "gone" }) {
  const code = codeOf(error);
  return format.oneOf(`device_${words[code] ?? code}`, "not_done");
}

/** @param {unknown} error */
export function codeOf(error) {
  return error instanceof Object && "code" in error ? String(error.code) : "";
}

/** @param {string} className @param {string} text @param {string} [label] for who can't see what it belongs to */
export function button(className, text, label) {
  const made = /** @type {HTMLButtonElement} */ (create("button", className, text));
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  return made;
}

let fields = 0;

/** A control below its label. @param {string} label @param {HTMLInputElement | HTMLSelectElement} control */
export function field(label, control) {
  const made = create("div", "device-field");
  const text = /** @type {HTMLLabelElement} */ (create("label", "", label));
  control.id ||= `device-field-${++fields}`;
  text.htmlFor = control.id;
  made.append(text, control);
  return made;
}

/** @param {string} type @param {Partial<HTMLInputElement>} [more] */
export function input(type, more = {}) {
  return /** @type {HTMLInputElement} */ (Object.assign(create("input", ""), { type, autocomplete: "off", ...more }));
}

/** A box to tick, beside its text. @param {string} text @param {boolean} isOn */
export function box(text, isOn) {
  const made = create("label", "check");
  const control = input("checkbox", { checked: isOn });
  made.append(control, text);
  return /** @type {const} */ ([made, control]);
}

/** Show a value in a control that nobody is using. @param {HTMLInputElement | HTMLSelectElement} control @param {string} value */
export function show(control, value) {
  if (document.activeElement !== control) control.value = value;
}

/**
 * Have a control do something; it rests meanwhile, and errors are said.
 * @param {Context} context
 * @param {HTMLButtonElement | HTMLInputElement | HTMLSelectElement} control
 * @param {() => Promise<unknown>} act
 */
export async function during(context, control, act) {
  if (control.getAttribute("aria-busy") === "true") return;
  // Not disabled, which would take the focus from it.
  control.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    if (!context.signal.aborted) context.tell(sentence(context.format, error, context.errors));
  } finally {
    control.removeAttribute("aria-busy");
  }
}

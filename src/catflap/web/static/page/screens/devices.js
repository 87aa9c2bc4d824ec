// The screen "Devices".

import { Devices } from "../devices.js";

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, { api, format, session, device, speaks }) {
  const card = /** @type {HTMLElement | null} */ (section.querySelector("#devices"));
  if (speaks && card) new Devices(api, format, card, () => device.id).follow(session.signal);
  return {};
}

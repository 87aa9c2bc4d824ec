// The screen "Google": accounts and what each may do, where the user is signed in, and devices.

import { create } from "../../lib/dom.js";
import { Accounts } from "../google/accounts.js";
import { Consent } from "../google/consent.js";
import { Sessions } from "../google/sessions.js";

const AGAIN = 5000;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, parts) {
  const { format, session } = parts;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (section.querySelector(selector));
  const note = find("#google-note");
  const accounts = new Accounts(parts, new Consent(section), find("#google-accounts"), note);
  const sessions = new Sessions(parts, find("#google-sessions"));
  const devices = find("#google-devices");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  async function load() {
    clearTimeout(again);
    try {
      await Promise.all([accounts.load(), sessions.load(), showDevices(devices, parts)]);
      if (note.textContent === format.word("not_loaded")) note.textContent = "";
    } catch {
      if (session.signal.aborted) return;
      note.textContent = format.word("not_loaded");
      again = setTimeout(load, AGAIN);
    }
  }

  // Google's page may have been left for a change there, in another tab.
  const look = () => section.hidden || document.hidden || document.querySelector("dialog[open]") || load();
  window.addEventListener("focus", look, { signal: session.signal });
  return {
    shown: load,
    forget() {
      clearTimeout(again);
      accounts.forget();
      sessions.forget();
      devices.replaceChildren();
    },
  };
}

/** @param {HTMLElement} list @param {import("../screens.js").Parts} parts */
async function showDevices(list, { api, format, session }) {
  /** @type {{devices: {name: string, model: string, room: string, online: boolean}[]}} */
  const { devices } = await api.get("/v1/devices");
  if (session.signal.aborted) return;
  const rows = devices
    .filter(({ model }) => model !== "browser")
    .map(({ name, room, online }) => {
      const row = create("li", "signed-in-device");
      const dot = create("span", online ? "dot online" : "dot");
      dot.setAttribute("aria-hidden", "true");
      row.append(dot, create("span", "what", name));
      row.append(create("span", "quiet small", [room, format.word(online ? "device_online" : "device_offline")].filter(Boolean).join(" · ")));
      return row;
    });
  list.replaceChildren(...(rows.length ? rows : [create("li", "empty", format.word("google_no_devices"))]));
}

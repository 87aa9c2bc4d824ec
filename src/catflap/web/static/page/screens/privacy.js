// The screen "Privacy": download everything, delete everything. Its text needs no script.

import { ask } from "../../lib/dialog.js";
import { create } from "../../lib/dom.js";
import { explain } from "../explain.js";

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export function open(section, parts) {
  const link = /** @type {HTMLAnchorElement} */ (section.querySelector("#privacy-export"));
  const button = /** @type {HTMLButtonElement} */ (section.querySelector("#privacy-erase"));
  const notes = /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(".note"));
  link.addEventListener("click", (event) => {
    event.preventDefault();
    download(link, /** @type {HTMLElement} */ (notes[0]), parts);
  });
  button.addEventListener("click", () => erase(section, /** @type {HTMLElement} */ (notes[1]), parts));
  button.disabled = false;
  return {};
}

/**
 * Fetch the file with the page's CSRF token, so that it is never another person's, and then save it.
 * @param {HTMLAnchorElement} link @param {HTMLElement} note @param {import("../screens.js").Parts} parts
 */
async function download(link, note, { api, format }) {
  if (link.getAttribute("aria-busy") === "true") return;
  link.setAttribute("aria-busy", "true");
  note.textContent = format.word("privacy_export_busy");
  try {
    const file = await api.file("/v1/me/export", api.prefixes.me);
    const saving = document.createElement("a");
    saving.href = URL.createObjectURL(file);
    saving.download = link.download;
    saving.click();
    setTimeout(() => URL.revokeObjectURL(saving.href), 60_000);
    note.textContent = format.word("privacy_export_done", { size: format.size(file.size) });
  } catch (error) {
    note.textContent = explain(error, format, "privacy_export");
  } finally {
    link.removeAttribute("aria-busy");
  }
}

/** @param {HTMLElement} section @param {HTMLElement} note @param {import("../screens.js").Parts} parts */
async function erase(section, note, { api, format, session }) {
  note.textContent = "";
  let found;
  try {
    found = await Promise.all([api.get("/v1/me", api.prefixes.me), api.get("/v1/grants", api.prefixes.me)]);
  } catch (error) {
    note.textContent = explain(error, format);
    return;
  }
  const [{ accounts }, { grants }] = found;
  const others = grants.reduce((/** @type {number} */ sum, /** @type {{also_ends: number}} */ one) => sum + one.also_ends, 0);
  const word = accounts[0]?.email || format.word("privacy_erase_word");
  const act = () => api.send("DELETE", "/v1/me", undefined, api.prefixes.me);
  await ask({
    title: format.word("privacy_erase_title"),
    body: [
      format.word("privacy_erase_means"),
      format.word("privacy_erase_google"),
      ...(others ? [format.word("privacy_erase_others", { count: others })] : []),
      ...(accounts.length > 1 ? [list(accounts.map((/** @type {{email: string}} */ { email }) => email))] : []),
    ],
    typed: { label: format.word("privacy_erase_type", { word }), word },
    yes: format.word("privacy_erase_yes"),
    no: format.word("privacy_erase_no"),
    danger: true,
    act: () => session.endBy(act, section.dataset.farewell ?? "/"),
    explain: (error) => explain(error, format, "privacy_erase"),
    signal: session.signal,
  });
}

/** @param {string[]} texts */
function list(texts) {
  const made = create("ul", "");
  made.append(...texts.filter(Boolean).map((text) => create("li", "", text)));
  return made;
}

// The screen "When": the time zone, and when what is said.

import { isHalf, readChoices, showChoices } from "../choices.js";

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export async function open(section, { format, preferences }) {
  const form = /** @type {HTMLFormElement} */ (section.querySelector("#when-form"));
  const choices = /** @type {HTMLElement} */ (form.querySelector(".choices"));
  const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem("zone"));
  const note = /** @type {HTMLElement} */ (form.querySelector(".saved"));
  await preferences.ready;
  showChoices(choices, preferences.values, format);
  showZone();
  preferences.addEventListener("change", showZone);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", async () => {
    const zone = select.value ? { zone: select.value, zone_source: "user" } : { zone: null, zone_source: null };
    try {
      await preferences.save({ ...readChoices(choices), ...zone });
      const half = isHalf(choices);
      note.textContent = format.word(half ? "quiet_half" : "saved");
    } catch {
      note.textContent = format.word("not_saved");
    }
  });
  return {};

  function showZone() {
    const { zone, zone_source: source } = /** @type {{zone: string, zone_source: string}} */ (preferences.values);
    select.disabled = false;
    select.replaceChildren(...zones(zone, source));
    select.value = source === "user" ? zone : "";
    /** @type {HTMLElement} */ (form.querySelector("#zone-source")).textContent = format.word(`zone_from_${source}`);
  }

  /** @param {string} choice @param {string} source @returns {HTMLElement[]} */
  function zones(choice, source) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const all = new Set(["UTC", ...Intl.supportedValuesOf("timeZone"), choice, here]);
    const shown = source === "user" ? "…" : choice.replaceAll("_", " ");
    return [
      new Option(format.word("zone_auto", { zone: shown }), ""),
      group(format.word("zone_here"), [here]),
      group(format.word("zone_all"), [...all].filter((zone) => zone !== here).sort()),
    ];
  }
}

/** @param {string} label @param {string[]} values */
function group(label, values) {
  const made = document.createElement("optgroup");
  made.label = label;
  made.append(...values.map((value) => new Option(value.replaceAll("_", " "), value)));
  return made;
}

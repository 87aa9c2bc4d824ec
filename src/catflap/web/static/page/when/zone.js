// The card of the time zone: the automatic one, this computer's, or another one by the name of a city.

import { Cities } from "./cities.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * @param {HTMLElement} card
 * @param {import("./topics.js").Tools} tools
 * @param {() => Promise<{zone: string, zone_source: string}>} askFollowed what the automatic zone would be
 * @returns {import("./topics.js").Topic}
 */
export function timeZone(card, { format, save }, askFollowed) {
  const cities = new Cities(format.language);
  const note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  const field = /** @type {HTMLInputElement} */ (card.querySelector("#zone-city"));
  const options = /** @type {HTMLDataListElement} */ (card.querySelector("datalist"));
  const radios = /** @type {HTMLInputElement[]} */ ([...card.querySelectorAll("[type=radio]")]);
  const labelOf = (/** @type {string} */ value) => /** @type {HTMLElement} */ (card.querySelector(`[value=${value}] + span`));
  const source = /** @type {HTMLElement} */ (card.querySelector("#zone-source"));
  const other = /** @type {HTMLElement} */ (card.querySelector(".zone-other"));
  let zone = "";
  /** What the automatic zone would be, asked for once. @type {ReturnType<typeof askFollowed> | null} */
  let followed = null;

  for (const radio of radios) radio.addEventListener("change", () => choose(radio.value));
  field.addEventListener("input", () => options.replaceChildren(...cities.find(field.value).map(({ label, country }) => new Option(country, label))));
  field.addEventListener("change", take);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    take();
  });

  return { show };

  /** @param {import("./topics.js").Values} values */
  function show(values) {
    const { zone: current, zone_source: from } = /** @type {{zone: string, zone_source: string}} */ (values);
    zone = current;
    const isOwn = from === "user";
    const choice = !isOwn ? "auto" : current === HERE ? "here" : "other";
    for (const radio of radios) [radio.checked, radio.disabled] = [radio.value === choice, false];
    source.textContent = format.word(`zone_from_${from}`);
    labelOf("here").textContent = format.word("zone_here", { zone: HERE.replaceAll("_", " ") });
    other.hidden = choice !== "other";
    if (document.activeElement !== field) field.value = isOwn ? cities.label(current) : "";
    followed = isOwn ? (followed ?? askFollowed()) : Promise.resolve({ zone: current, zone_source: from });
    followed.then(nameFollowed, () => (followed = null));
  }

  /** @param {{zone: string, zone_source: string}} automatic */
  function nameFollowed(automatic) {
    const shown = automatic.zone_source === "default" ? "…" : automatic.zone.replaceAll("_", " ");
    labelOf("auto").textContent = format.word("zone_auto", { zone: shown });
    // Where both are the same, the automatic one is the better choice.
    const here = radios.find(({ value }) => value === "here");
    if (here?.parentElement) here.parentElement.hidden = automatic.zone === HERE && !here.checked;
  }

  /** @param {string} choice */
  function choose(choice) {
    other.hidden = choice !== "other";
    if (choice === "auto") save(card, { zone: null, zone_source: null });
    else if (choice === "here") save(card, { zone: HERE, zone_source: "user" });
    else field.focus();
  }

  function take() {
    const found = cities.zoneOf(field.value);
    if (!found) note.textContent = format.word("zone_unknown");
    else if (found !== zone) save(card, { zone: found, zone_source: "user" });
  }
}

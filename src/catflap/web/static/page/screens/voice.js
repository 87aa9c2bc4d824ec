// The screen "Voice": a dialect for each language, how talkative Mia is, and how words are read.

import { delay } from "../../lib/clock.js";
import { readChoices, showChoices } from "../choices.js";
import { Readings } from "../readings.js";

const AGAIN = 5000;

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export async function open(section, { api, format, session, device, preferences, speaks }) {
  const form = /** @type {HTMLFormElement} */ (section.querySelector("#voice-form"));
  const note = /** @type {HTMLElement} */ (form.querySelector(".saved"));
  const sayHere = speaks ? (/** @type {string} */ text) => device.say(text) : null;
  const readings = new Readings(api, format, /** @type {HTMLElement} */ (section.querySelector("#words")), () => preferences.dispatchEvent(new Event("change")), sayHere);
  loadReadings();
  await preferences.ready;
  for (const select of dialectSelects(form)) {
    const { dialects } = preferences;
    select.replaceChildren(...dialects.filter(({ language }) => select.name.endsWith(language)).map(({ id }) => new Option(preferences.label(id), id)));
  }
  showChoices(form, preferences.values, format);
  showExamples();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", async () => {
    showExamples();
    try {
      await preferences.save(readChoices(form));
      note.textContent = format.word("saved");
    } catch {
      note.textContent = format.word("not_saved");
    }
  });
  return {};

  function showExamples() {
    for (const { name, value } of dialectSelects(form)) {
      const example = /** @type {HTMLElement} */ (form.querySelector(`#example-${name.slice(-2)}`));
      example.textContent = preferences.dialects.find(({ id }) => id === value)?.example ?? "";
    }
  }

  async function loadReadings() {
    while (!session.signal.aborted) {
      try {
        return await readings.load();
      } catch {
        await delay(AGAIN, session.signal).catch(() => {});
      }
    }
  }
}

/** @param {HTMLFormElement} form */
function dialectSelects(form) {
  return [...form.querySelectorAll("select")].filter(({ name }) => name.startsWith("dialect_"));
}

// The screen "When": what Mia says and when, saved at each change, with what tomorrow would sound like beside it.

import { Problem } from "../../lib/api.js";
import { Calendars } from "../when/calendars.js";
import { Chips } from "../when/chips.js";
import { knownPlaces } from "../when/places.js";
import { Tomorrow } from "../when/preview.js";
import { quietHours } from "../when/quiet.js";
import { namedControls, switchedTime, tickedKinds } from "../when/topics.js";
import { timeZone } from "../when/zone.js";

const LEADS = [0, 5, 10, 15, 30, 60];
const COUNTDOWNS = [1, 2, 5, 10, 15];

/** @param {HTMLElement} section @param {import("../screens.js").Parts} parts */
export async function open(section, parts) {
  const { api, format, preferences, session } = parts;
  const form = one("#when-form");
  form.addEventListener("submit", (event) => event.preventDefault());
  await preferences.ready;
  /** @type {import("../when/topics.js").Topic[]} */
  const topics = [];
  const tomorrow = new Tomorrow(one(".tomorrow"), parts, (preview) => topics.forEach((topic) => topic.preview?.(preview)));
  const tools = { format, save, draft: (/** @type {object} */ changes) => tomorrow.draft({ ...changes }) };
  const calendarCard = one("#calendars");
  const calendars = new Calendars(calendarCard, format, storeCalendar);
  topics.push(
    ...all(".choices").map((area) => namedControls(area, tools)),
    ...all("[data-time]").map((row) => switchedTime(row, tools)),
    ...all("[data-list]").map((group) => tickedKinds(group, tools)),
    chips("#leads", "reminder_minutes", LEADS, 0, 40_320),
    chips("#countdown", "countdown_minutes", COUNTDOWNS, 1, 60),
    quietHours(one("#quiet"), tools),
    knownPlaces(one("#places"), tools),
    timeZone(one("#zone"), tools, () => api.send("POST", "/v1/announcements/preview", { preferences: { zone: null } })),
  );
  show();
  preferences.addEventListener("change", show);
  // On a phone the words of tomorrow lie over the end of the screen.
  form.addEventListener("focusin", () => tomorrow.fold());
  return { shown, changed: () => tomorrow.refresh(), forget };

  function shown() {
    tomorrow.ask();
    loadCalendars();
  }

  function show() {
    if (session.signal.aborted) return;
    const { values } = preferences;
    for (const topic of topics) topic.show(values);
    one("#own-leads").hidden = values.reminders_from !== "preferences";
  }

  /** @param {HTMLElement} card @param {import("../when/topics.js").Values} changes */
  async function save(card, changes) {
    tomorrow.draft(changes);
    return told(card, () => preferences.save(changes), show);
  }

  /** @param {number} id @param {import("../when/calendars.js").Changes} changes */
  async function storeCalendar(id, changes) {
    tomorrow.draftCalendar(id, changes);
    const stored = await told(calendarCard, () => api.send("PATCH", `/v1/calendars/${id}`, changes), () => {});
    await loadCalendars();
    return stored;
  }

  /** Store something, tell how it went, and put the controls back where it did not. @param {HTMLElement} card @param {() => Promise<unknown>} store @param {() => void} putBack */
  async function told(card, store, putBack) {
    const note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
    try {
      await store();
      note.textContent = format.word("saved");
      return true;
    } catch (error) {
      note.textContent = why(error);
      putBack();
      return false;
    } finally {
      tomorrow.settled();
    }
  }

  /** @param {unknown} error */
  function why(error) {
    if (!(error instanceof Problem)) return format.word("not_saved_offline");
    if (error.status === 429) return format.word("not_saved_slower");
    return format.word(error.status === 400 ? "not_saved_refused" : "not_saved");
  }

  async function loadCalendars() {
    const found = await api.get("/v1/calendars").catch(() => null);
    if (found && !session.signal.aborted) calendars.show(found);
  }

  function forget() {
    form.replaceChildren();
    tomorrow.forget();
  }

  /** @param {string} selector @param {string} name @param {number[]} usual @param {number} least @param {number} most */
  function chips(selector, name, usual, least, most) {
    const group = one(selector);
    const card = /** @type {HTMLElement} */ (group.closest(".card"));
    const made = new Chips(group, { format, usual, least, most, onChange: (minutes) => save(card, { [name]: minutes }) });
    return { show: (/** @type {import("../when/topics.js").Values} */ values) => made.show(/** @type {number[]} */ (values[name])) };
  }

  /** @param {string} selector @returns {HTMLElement} */
  function one(selector) {
    return /** @type {HTMLElement} */ (section.querySelector(selector));
  }

  /** @param {string} selector @returns {HTMLElement[]} */
  function all(selector) {
    return [...section.querySelectorAll(selector)].filter((found) => found instanceof HTMLElement);
  }
}

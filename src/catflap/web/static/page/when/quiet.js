// The card of the quiet hours: a switch, the clock face, and the two times beside it, which all say the same.

import { ClockFace, minutesOf } from "./clock_face.js";
import { isTypedIn } from "./topics.js";

const USUAL = { quiet_from: "22:00", quiet_until: "07:00" };

/** @param {HTMLElement} card @param {import("./topics.js").Tools} tools @returns {import("./topics.js").Topic} */
export function quietHours(card, { format, save, draft }) {
  const on = /** @type {HTMLInputElement} */ (card.querySelector("#quiet-on"));
  const from = /** @type {HTMLInputElement} */ (card.querySelector("[name=quiet_from]"));
  const until = /** @type {HTMLInputElement} */ (card.querySelector("[name=quiet_until]"));
  const times = /** @type {HTMLElement} */ (card.querySelector(".quiet-times"));
  const note = /** @type {HTMLElement} */ (card.querySelector(".saved"));
  const length = /** @type {HTMLElement} */ (card.querySelector(".quiet-length"));
  const face = new ClockFace(
    /** @type {SVGSVGElement} */ (card.querySelector("svg.face")),
    format,
    (begin, end) => {
      [from.value, until.value] = [begin, end];
      tellLength();
      draft(chosen());
    },
    keep,
  );
  let saved = { quiet_from: /** @type {string | null} */ (null), quiet_until: /** @type {string | null} */ (null) };

  on.addEventListener("change", () => {
    [from.value, until.value] = on.checked ? [USUAL.quiet_from, USUAL.quiet_until] : ["", ""];
    keep();
  });
  for (const time of [from, until]) time.addEventListener("change", keep);

  return {
    show(values) {
      saved = /** @type {typeof saved} */ ({ quiet_from: values.quiet_from, quiet_until: values.quiet_until });
      if (isTypedIn(times)) return;
      [from.value, until.value] = [saved.quiet_from ?? "", saved.quiet_until ?? ""];
      on.checked = saved.quiet_from !== null;
      for (const control of [on, from, until]) control.disabled = false;
      draw();
    },
    preview({ meetings, zone }) {
      face.showMeetings(meetings.map((one) => [format.minuteOfDay(one.starts_at, zone), format.minuteOfDay(one.ends_at, zone)]));
    },
  };

  function chosen() {
    return { quiet_from: from.value || null, quiet_until: until.value || null };
  }

  function keep() {
    const { quiet_from: begin, quiet_until: end } = chosen();
    if ((begin === null) !== (end === null)) {
      note.textContent = format.word("quiet_half");
      return;
    }
    if (on.checked && begin === null) on.checked = false;
    draw();
    if (begin === saved.quiet_from && end === saved.quiet_until) return;
    saved = { quiet_from: begin, quiet_until: end };
    save(card, saved);
  }

  function draw() {
    times.hidden = !on.checked;
    face.show(from.value || null, until.value || null);
    tellLength();
  }

  function tellLength() {
    const minutes = (minutesOf(until.value) - minutesOf(from.value) + 1440) % 1440;
    length.textContent = on.checked && minutes ? format.word("quiet_length", { span: format.lead(minutes) }) : format.word("quiet_off");
  }
}

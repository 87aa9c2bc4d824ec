// The quiet hours drawn on a clock of 24 hours, with midnight at the top: an arc with a handle at each end.

const SVG = "http://www.w3.org/2000/svg";
const DAY = 24 * 60;
const CENTRE = 120;
const RING = 88;
const MEETINGS = 66;
const STEP = 5;
const KEYS = /** @type {Record<string, number>} */ ({
  ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP, PageUp: 60, PageDown: -60,
});

/** @typedef {"from" | "until"} End */

export class ClockFace {
  #root;
  #format;
  #onMove;
  #onDone;
  /** @type {Record<End, number>} minutes since midnight */
  #at = { from: 0, until: 0 };
  #arc = shape("path", "face-quiet");
  #meetings = shape("g", "face-meetings");
  /** @type {Record<End, SVGGElement>} */
  #handles;

  /**
   * @param {SVGSVGElement} root empty
   * @param {import("../../lib/format.js").Format} format
   * @param {(from: string, until: string) => void} onMove while a handle moves
   * @param {() => void} onDone when it has been let go
   */
  constructor(root, format, onMove, onDone) {
    this.#root = root;
    this.#format = format;
    this.#onMove = onMove;
    this.#onDone = onDone;
    this.#handles = { from: this.#handle("from"), until: this.#handle("until") };
    root.replaceChildren(...dial(), this.#meetings, this.#arc, this.#handles.from, this.#handles.until);
  }

  /** @param {string | null} from HH:MM @param {string | null} until */
  show(from, until) {
    const isOn = from !== null && until !== null;
    for (const part of [this.#arc, this.#handles.from, this.#handles.until]) part.toggleAttribute("hidden", !isOn);
    if (!isOn) return;
    this.#at = { from: minutesOf(from), until: minutesOf(until) };
    this.#draw();
  }

  /** Draw when the user is in a meeting. @param {[number, number][]} meetings minutes since midnight */
  showMeetings(meetings) {
    this.#meetings.replaceChildren(
      ...meetings.map(([begin, end]) => {
        const made = shape("path", "face-meeting");
        made.setAttribute("d", arc(MEETINGS, begin, Math.max(end, begin + STEP)));
        return made;
      }),
    );
  }

  #draw() {
    const { from, until } = this.#at;
    this.#arc.setAttribute("d", from === until ? "" : arc(RING, from, until));
    for (const end of /** @type {End[]} */ (["from", "until"])) {
      const handle = this.#handles[end];
      const { x, y } = place(RING, this.#at[end]);
      handle.setAttribute("transform", `translate(${x} ${y})`);
      handle.setAttribute("aria-valuenow", String(this.#at[end]));
      handle.setAttribute("aria-valuetext", this.#format.wall(timeOf(this.#at[end])));
    }
  }

  /** @param {End} end @returns {SVGGElement} */
  #handle(end) {
    const made = /** @type {SVGGElement} */ (shape("g", "face-handle"));
    const hit = shape("circle", "face-hit");
    hit.setAttribute("r", "24");
    const knob = shape("circle", "face-knob");
    knob.setAttribute("r", "15");
    made.append(hit, knob, end === "from" ? moon() : sun());
    const isFirst = end === "from";
    const name = this.#format.word(isFirst ? "quiet_from" : "quiet_until");
    const states = { role: "slider", tabindex: "0", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": String(DAY - STEP) };
    for (const [name, value] of Object.entries(states)) made.setAttribute(name, value);
    made.addEventListener("keydown", (event) => this.#press(end, event));
    made.addEventListener("keyup", (event) => (event.key in KEYS || ["Home", "End"].includes(event.key)) && this.#onDone());
    made.addEventListener("pointerdown", (event) => this.#drag(end, made, event));
    return made;
  }

  /** @param {End} end @param {KeyboardEvent} event */
  #press(end, event) {
    const { key } = event;
    if (key in KEYS) this.#move(end, this.#at[end] + (KEYS[key] ?? 0));
    else if (key === "Home") this.#move(end, 0);
    else if (key === "End") this.#move(end, DAY - STEP);
    else return;
    event.preventDefault();
  }

  /** @param {End} end @param {SVGGElement} handle @param {PointerEvent} event */
  #drag(end, handle, event) {
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ { clientX, clientY }) => this.#move(end, this.#pointed(clientX, clientY));
    const stop = () => {
      handle.removeEventListener("pointermove", move);
      for (const kind of ["pointerup", "pointercancel"]) handle.removeEventListener(kind, stop);
      this.#onDone();
    };
    handle.addEventListener("pointermove", move);
    for (const kind of ["pointerup", "pointercancel"]) handle.addEventListener(kind, stop);
  }

  /** The time at which a finger points. @param {number} x @param {number} y */
  #pointed(x, y) {
    const { left, top, width, height } = this.#root.getBoundingClientRect();
    const angle = Math.atan2(x - left - width / 2, top + height / 2 - y);
    return Math.round(((angle / (2 * Math.PI)) * DAY) / STEP) * STEP;
  }

  /** @param {End} end @param {number} minutes any, also beyond midnight */
  #move(end, minutes) {
    const at = (minutes + DAY) % DAY;
    if (at === this.#at[end]) return;
    this.#at[end] = at;
    this.#draw();
    this.#onMove(timeOf(this.#at.from), timeOf(this.#at.until));
  }
}

/** @param {string} time HH:MM */
export function minutesOf(time) {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

/** @param {number} minutes */
function timeOf(minutes) {
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

/** The ring of the day, a stroke for each hour, and the hours of the quarters. */
function dial() {
  const day = shape("path", "face-day");
  day.setAttribute("d", arc(RING, 6 * 60, 18 * 60));
  const night = shape("path", "face-night");
  night.setAttribute("d", arc(RING, 18 * 60, 6 * 60));
  const strokes = Array.from({ length: 24 }, (_, hour) => {
    const made = shape("path", hour % 6 ? "face-hour" : "face-hour face-quarter");
    const [inner, outer] = [place(104, hour * 60), place(hour % 6 ? 108 : 110, hour * 60)];
    made.setAttribute("d", `M${inner.x} ${inner.y}L${outer.x} ${outer.y}`);
    return made;
  });
  const hours = [0, 6, 12, 18].map((hour) => {
    const made = shape("text", "face-number");
    const { x, y } = place(48, hour * 60);
    made.setAttribute("x", String(x));
    made.setAttribute("y", String(y));
    made.setAttribute("aria-hidden", "true");
    made.textContent = String(hour);
    return made;
  });
  return [night, day, ...strokes, ...hours];
}

function moon() {
  const made = shape("path", "face-sign");
  made.setAttribute("d", "M3.5 4.5A7 7 0 1 1 -1 -6.4A5.6 5.6 0 0 0 3.5 4.5Z");
  return made;
}

function sun() {
  const made = shape("g", "face-sign");
  const disc = shape("circle", "");
  disc.setAttribute("r", "3.4");
  const rays = shape("path", "face-rays");
  rays.setAttribute("d", Array.from({ length: 8 }, (_, ray) => {
    const [x, y] = [Math.cos((ray * Math.PI) / 4), Math.sin((ray * Math.PI) / 4)];
    return `M${(x * 5.4).toFixed(1)} ${(y * 5.4).toFixed(1)}L${(x * 8).toFixed(1)} ${(y * 8).toFixed(1)}`;
  }).join(""));
  made.append(disc, rays);
  return made;
}

/** An arc clockwise, also over midnight. @param {number} radius @param {number} begin @param {number} end minutes */
function arc(radius, begin, end) {
  const long = (end - begin + DAY) % DAY > DAY / 2 ? 1 : 0;
  const [first, last] = [place(radius, begin), place(radius, end)];
  return `M${first.x} ${first.y}A${radius} ${radius} 0 ${long} 1 ${last.x} ${last.y}`;
}

/** @param {number} radius @param {number} minutes */
function place(radius, minutes) {
  const angle = (minutes / DAY) * 2 * Math.PI;
  return { x: +(CENTRE + radius * Math.sin(angle)).toFixed(2), y: +(CENTRE - radius * Math.cos(angle)).toFixed(2) };
}

/** @param {string} name @param {string} className */
function shape(name, className) {
  const made = document.createElementNS(SVG, name);
  if (className) made.setAttribute("class", className);
  return made;
}

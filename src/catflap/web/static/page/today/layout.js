// Where things are on the time line: side by side what overlaps, one mark for what is too close. No document here.

/** @typedef {{start: number, end: number}} Span milliseconds since 1970 */
/** @typedef {{lane: number, lanes: number, width: number}} Place its column, of how many, and how many it may fill */

/**
 * Put spans side by side where they overlap, as few columns as possible for each bunch that hangs together.
 * @param {Span[]} spans in any order
 * @param {number} least how long each is at least as drawn, in milliseconds
 * @returns {Place[]} of each, in the same order
 */
export function layOut(spans, least) {
  const drawn = spans.map(({ start, end }, index) => ({ index, start, end: Math.max(end, start + least) }));
  drawn.sort((one, other) => one.start - other.start || other.end - one.end || one.index - other.index);
  /** @type {Place[]} */
  const places = new Array(spans.length);
  for (const bunch of bunches(drawn)) {
    const columns = /** @type {(typeof bunch)[]} */ ([]);
    for (const one of bunch) {
      const free = columns.findIndex((column) => (column.at(-1)?.end ?? 0) <= one.start);
      if (free < 0) columns.push([one]);
      else columns[free]?.push(one);
    }
    columns.forEach((column, lane) => {
      for (const one of column) places[one.index] = { lane, lanes: columns.length, width: room(one, columns, lane) };
    });
  }
  return places;
}

/**
 * Those that touch each other, directly or through others.
 * @template {Span} T
 * @param {T[]} spans by their start
 */
function* bunches(spans) {
  /** @type {T[]} */
  let bunch = [];
  let end = -Infinity;
  for (const one of spans) {
    if (one.start >= end && bunch.length > 0) {
      yield bunch;
      bunch = [];
    }
    bunch.push(one);
    end = Math.max(end, one.end);
  }
  if (bunch.length > 0) yield bunch;
}

/**
 * How many columns it may fill: its own, and those beside it in which nothing is meanwhile.
 * @param {Span} one
 * @param {Span[][]} columns
 * @param {number} lane
 */
function room(one, columns, lane) {
  const isTaken = (/** @type {Span[]} */ column) => column.some(({ start, end }) => start < one.end && one.start < end);
  const next = columns.findIndex((column, index) => index > lane && isTaken(column));
  return (next < 0 ? columns.length : next) - lane;
}

/**
 * Put together what is so close that its marks would lie on each other.
 * @template {{at: number}} T
 * @param {T[]} marks by their time
 * @param {number} near in milliseconds
 * @returns {T[][]}
 */
export function group(marks, near) {
  /** @type {T[][]} */
  const groups = [];
  for (const one of marks) {
    const last = groups.at(-1);
    if (last?.[0] && one.at - last[0].at < near) last.push(one);
    else groups.push([one]);
  }
  return groups;
}

/**
 * The full hours of a day by its clocks: 23 or 25 on a day on which they change.
 * @param {Span} day
 * @param {(at: number) => number} minutesAt what the clocks there show, as minutes after the hour
 * @returns {number[]} with the beginning and the end of the day
 */
export function hours(day, minutesAt) {
  const minute = 60_000;
  const found = [day.start];
  for (let at = day.start + 60 * minute; at < day.end; at += 60 * minute) {
    at += ((60 - minutesAt(at)) % 60) * minute; // Some clocks are changed by half an hour.
    if (at < day.end) found.push(at);
  }
  return [...found, day.end];
}

/**
 * The part of the day to draw: an hour more than what happens in it, from a full hour to a full hour.
 * @param {number[]} full the full hours of the day with its end
 * @param {Span[]} happens
 * @param {number} now
 * @returns {Span}
 */
export function range(full, happens, now) {
  const hour = 3_600_000;
  const [from, until] = [full[0] ?? now, full.at(-1) ?? now];
  const first = Math.min(now, ...happens.map(({ start }) => Math.max(start, from))) - hour;
  const last = Math.max(now, ...happens.map(({ end }) => Math.min(end, until))) + hour;
  return { start: full.findLast((at) => at <= first) ?? from, end: full.find((at) => at >= last) ?? until };
}

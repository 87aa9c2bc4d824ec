// How long it is until something, as a person says it: seconds matter in the last hour only.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * What is left until `at`: "in 4:59", "at 15:30 (in 3 h 20 min)", "tomorrow at 8:00", "Wednesday at 8:00".
 * @param {import("./format.js").Format} format
 * @param {string} at
 * @param {number} now
 */
export function countdown(format, at, now) {
  const left = Math.max(0, Date.parse(at) - now);
  if (left <= HOUR - SECOND) return format.word("next_in", { span: format.span(left) });
  if (format.daysUntil(at, now) > 0) return moment(format, at, now);
  return format.word("next_at_in", { time: format.time(at), span: hoursAndMinutes(format, left) });
}

/**
 * A time of today, or of another day with the day: "at 15:30", "tomorrow at 8:00", "Wednesday at 8:00".
 * @param {import("./format.js").Format} format
 * @param {string} at
 * @param {number} now
 */
export function moment(format, at, now) {
  const [days, time] = [format.daysUntil(at, now), format.time(at)];
  if (days === 0) return format.word("next_at", { time });
  if (days === 1) return format.word("next_tomorrow", { time });
  return format.word("next_on", { day: format.weekday(at), time });
}

/** Moves once a minute. @param {import("./format.js").Format} format @param {number} left */
function hoursAndMinutes(format, left) {
  const minutes = Math.ceil(left / MINUTE);
  const values = { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
  return format.word(values.minutes ? "hours_minutes" : "hours_only", values);
}

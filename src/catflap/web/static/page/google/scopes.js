// What a scope of Google's allows, in plain words.

/** The key of each known scope's words. Google's full calendar scope keeps its address, as the API writes it. */
const KNOWN = new Map([
  ["calendar.events.readonly", "read_events"],
  ["calendar.calendarlist.readonly", "read_list"],
  ["calendar.settings.readonly", "read_settings"],
  ["calendar.readonly", "read_calendars"],
  ["calendar.events", "write_events"],
  ["https://www.googleapis.com/auth/calendar", "write_calendars"],
  ["drive.file", "own_files"],
  ["drive.appdata", "hidden_files"],
  ["drive.readonly", "read_files"],
  ["drive", "write_files"],
  ["tasks.readonly", "read_tasks"],
  ["tasks", "write_tasks"],
  ["contacts.readonly", "read_contacts"],
  ["gmail.readonly", "read_mail"],
]);
/** Who somebody is; one line for all of them. */
const IDENTITY = new Set(["openid", "email", "profile"]);

/**
 * One line for each thing that the scopes allow. One without words of its own is shown as Google writes it: never
 * hidden, and short.
 * @param {string[]} scopes
 * @param {import("../../lib/format.js").Format} format
 */
export function allowedBy(scopes, format) {
  const others = scopes.filter((scope) => !IDENTITY.has(scope));
  const lines = others.map((scope) => {
    const key = KNOWN.get(scope);
    return key ? format.word(`may_${key}`) : format.word("may_something", { scope: short(scope) });
  });
  return others.length < scopes.length ? [...lines, format.word("may_know_you")] : lines;
}

/** @param {string} scope */
function short(scope) {
  const name = scope.replace(/^https:\/\/(www\.googleapis\.com\/auth\/)?/, "");
  return name.length > 60 ? `${name.slice(0, 59)}…` : name;
}

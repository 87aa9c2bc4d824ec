// Today's plan as it was last seen, kept in this browser for the app without a network, and deleted at sign-out.

import { recall, remember } from "../lib/memory.js";

const PREFIX = "catflap.plan";

/**
 * @typedef {object} KeptPlan
 * @property {string} day YYYY-MM-DD, in the zone
 * @property {string} zone
 * @property {number} at when it was fetched, in milliseconds since 1970
 * @property {import("./lists.js").Appointment[]} appointments
 */

/** @param {number} user @param {KeptPlan} plan */
export function keepPlan(user, { day, zone, at, appointments }) {
  remember(`${PREFIX}.${user}`, { day, zone, at, appointments });
}

/** The plan of the user of this browser, if it is today's. @param {number} now @returns {KeptPlan | null} */
export function keptPlan(now) {
  for (const key of keys()) {
    const plan = recall(key, /** @type {KeptPlan | null} */ (null));
    if (plan && dayIn(plan.zone, now) === plan.day) return plan;
  }
  return null;
}

function keys() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}.`));
  } catch {
    return [];
  }
}

/** @param {string} zone @param {number} at @returns {string} YYYY-MM-DD */
function dayIn(zone, at) {
  const options = /** @type {const} */ ({ timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return new Intl.DateTimeFormat("sv-SE", options).format(at);
}

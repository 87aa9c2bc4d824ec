// What GET /v1/operator/numbers answers, and what its outcomes mean.

/**
 * @typedef {Record<string, number>} Counts how often each outcome was
 *
 * @typedef {object} Job
 * @property {string} kind
 * @property {number} waiting
 * @property {number} later
 * @property {number} running
 * @property {number | null} oldest_seconds
 *
 * @typedef {object} Hook
 * @property {string} host
 * @property {number} pending
 * @property {number} attempts
 * @property {string | null} delivered_at
 * @property {string | null} last_failure
 * @property {"new" | "delivers" | "retries" | "gone" | "gave_up"} state
 *
 * @typedef {object} Key
 * @property {string} name
 * @property {string[]} rights
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {string | null} last_used_at
 * @property {"live" | "expired" | "revoked"} state
 *
 * @typedef {object} Numbers
 * @property {string} at
 * @property {Counts} grants
 * @property {{accounts: number, calendars: number, calendars_read: number, due: number, oldest_due_seconds: number | null,
 *   ages: {half: number, most: number, oldest: number} | null, push: {live: number, missing: number},
 *   requests: {limit: number, used: number}, problems: Array<{code: string, accounts: number, calendars: number}>}} sync
 * @property {Job[]} jobs
 * @property {Key[]} keys
 * @property {Hook[]} webhooks
 * @property {{times: string[], counts: Record<string, Counts[]>,
 *   lateness: {ranges: Array<{up_to_seconds: number | null, announcements: number}>}}} over_time
 */

const GOOD = new Set(["succeeded", "played", "delivered"]);
/** What passes by itself, or was wanted. */
const WAIT = new Set(["unavailable", "refused", "held", "google_budget_used", "google_unavailable", "google_rate_limited", "http_error", "no_answer"]);

/** @param {string} outcome @returns {import("../../lib/chart.js").Tone} */
export function toneOf(outcome) {
  if (GOOD.has(outcome)) return "good";
  return WAIT.has(outcome) ? "wait" : "bad";
}

/** @param {Counts[]} steps @returns {Array<[string, number]>} each outcome with its sum, the good ones first */
export function summed(steps) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const step of steps) {
    for (const [outcome, times] of Object.entries(step)) sums.set(outcome, (sums.get(outcome) ?? 0) + times);
  }
  const order = ["good", "wait", "bad"];
  return [...sums].sort(([a, m], [b, n]) => order.indexOf(toneOf(a)) - order.indexOf(toneOf(b)) || n - m || a.localeCompare(b));
}

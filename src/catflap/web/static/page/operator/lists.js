// The operator's lists of now: grants, calendars, jobs, lateness, webhooks and API keys.

import { bar } from "../../lib/chart.js";
import { create } from "../../lib/dom.js";

/** @typedef {import("./numbers.js").Numbers} Numbers */

export class Lists {
  #format;
  #units;

  /** @param {import("../../lib/format.js").Format} format @param {import("./units.js").Units} units */
  constructor(format, units) {
    this.#format = format;
    this.#units = units;
  }

  /** @param {Numbers} numbers */
  grants({ grants }) {
    const { active = 0, reconsent = 0, revoked = 0 } = grants;
    /** @type {Array<{tone: import("../../lib/chart.js").Tone, value: number, text: string}>} */
    const parts = [
      { tone: "good", value: active, text: this.#format.word("grant_active", { n: this.#units.number(active) }) },
      { tone: "wait", value: reconsent, text: this.#format.word("grant_reconsent", { n: this.#units.number(reconsent) }) },
      { tone: "bad", value: revoked, text: this.#format.word("grant_revoked", { n: this.#units.number(revoked) }) },
    ];
    const legend = create("ul", "legend");
    legend.append(...parts.map(({ tone, text }) => create("li", `key key-${tone}`, text)));
    return [bar(parts, active + reconsent + revoked), legend];
  }

  /** @param {Numbers} numbers */
  calendars({ sync }) {
    const { word } = this.#words();
    const { ages, due, oldest_due_seconds: oldest, push, requests, problems } = sync;
    const lines = [word("sync_read", { read: sync.calendars_read, all: sync.calendars })];
    if (ages) lines.push(word("sync_ages", { half: this.#units.span(ages.half), most: this.#units.span(ages.most), oldest: this.#units.span(ages.oldest) }));
    lines.push(due ? word("sync_due", { n: due, time: this.#units.span(oldest ?? 0) }) : word("sync_due_none"));
    lines.push(word("sync_push", { live: push.live, missing: push.missing }), word("sync_google", { used: requests.used, limit: requests.limit }));
    const list = create("ul", "facts");
    list.append(...lines.map((line) => create("li", "", line)));
    for (const { code, accounts, calendars } of problems) {
      if (accounts) list.append(create("li", "warned", word("sync_failing_accounts", { code, n: accounts })));
      if (calendars) list.append(create("li", "warned", word("sync_failing_calendars", { code, n: calendars })));
    }
    return [list];
  }

  /** @param {Numbers} numbers */
  jobs({ jobs }) {
    const waiting = jobs.filter(({ waiting, running, later }) => waiting + running + later > 0);
    if (waiting.length === 0) return [create("p", "empty", this.#format.word("jobs_none"))];
    const most = Math.max(1, ...waiting.map(({ waiting, running, later }) => waiting + running + later));
    const rows = waiting.map(({ kind, waiting, later, running, oldest_seconds: oldest }) => {
      const { word } = this.#words();
      const text = [word("jobs_waiting", { waiting, running, later })];
      if (waiting) text.push(word("jobs_oldest", { time: this.#units.span(oldest ?? 0) }));
      /** @type {Array<{tone: import("../../lib/chart.js").Tone, value: number}>} */
      const parts = [{ tone: "bad", value: waiting }, { tone: "good", value: running }, { tone: "wait", value: later }];
      return this.#row(kind, bar(parts, most), text.join(" · "));
    });
    return [this.#rows(rows)];
  }

  /** @param {Numbers} numbers */
  lateness({ over_time: { lateness } }) {
    const most = Math.max(...lateness.ranges.map(({ announcements }) => announcements));
    if (most === 0) return [create("p", "empty", this.#format.word("operator_nothing"))];
    const rows = lateness.ranges.map(({ up_to_seconds: bound, announcements }) => {
      const name = bound === null ? this.#format.word("late_more") : this.#format.word("late_up_to", { time: this.#units.span(bound) });
      const tone = bound === null || bound > 5 ? "bad" : bound > 0.5 ? "wait" : "good";
      return this.#row(name, bar([{ tone, value: announcements }], most), this.#units.number(announcements));
    });
    return [this.#rows(rows)];
  }

  /** @param {Numbers} numbers */
  webhooks({ webhooks, at }) {
    if (webhooks.length === 0) return [create("p", "empty", this.#format.word("hooks_none"))];
    const rows = webhooks.map(({ host, state, pending, attempts, last_failure: failure, delivered_at: delivered }) => {
      const { word } = this.#words();
      const facts = [word(`hook_${state}`, { attempts, failure: failure ?? "", time: delivered ? this.#units.ago(delivered, at) : "" })];
      if (pending) facts.push(word("hook_pending", { n: pending }));
      const tone = state === "retries" ? "wait" : state === "new" || state === "delivers" ? "good" : "bad";
      return this.#entry(host, tone, facts.join(" · "));
    });
    return [this.#rows(rows)];
  }

  /** @param {Numbers} numbers */
  keys({ keys, at }) {
    if (keys.length === 0) return [create("p", "empty", this.#format.word("keys_none"))];
    const rows = keys.map(({ name, rights, state, last_used_at: used, created_at: created, expires_at: expires }) => {
      const { word } = this.#words();
      const facts = [rights.join(", "), word("key_created", { time: this.#units.day(created) })];
      facts.push(used ? word("key_used", { time: this.#units.ago(used, at) }) : word("key_unused"));
      if (expires) facts.push(word("key_expires", { time: this.#units.day(expires) }));
      if (state !== "live") facts.push(word(`key_${state}`));
      return this.#entry(name, state === "live" ? "good" : "bad", facts.join(" · "));
    });
    return [this.#rows(rows)];
  }

  #words() {
    const word = (/** @type {string} */ key, /** @type {Record<string, string | number>} */ values = {}) => {
      const shown = Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? this.#units.number(value) : value]);
      return this.#format.word(key, Object.fromEntries(shown));
    };
    return { word };
  }

  /** @param {HTMLElement[]} rows */
  #rows(rows) {
    const list = create("ul", "rows");
    list.append(...rows);
    return list;
  }

  /** @param {string} name @param {SVGElement} chart @param {string} text */
  #row(name, chart, text) {
    const row = create("li", "row");
    row.append(create("span", "row-name", name), chart, create("span", "row-text quiet small", text));
    return row;
  }

  /** @param {string} name @param {import("../../lib/chart.js").Tone} tone @param {string} text */
  #entry(name, tone, text) {
    const row = create("li", "entry");
    row.append(create("span", `key key-${tone} entry-name`, name), create("span", "quiet small", text));
    return row;
  }
}

// One card for each Google account: what it may do, what is missing, and the ways to change that.

import { create } from "../../lib/dom.js";
import { ask } from "../../lib/dialog.js";
import { explain } from "../explain.js";
import { allowedBy } from "./scopes.js";

/**
 * @typedef {{sub: string, email: string, name: string | null, primary: boolean, signs_in: boolean}} Account
 * @typedef {{id: number, account: string, email: string | null, state: "active" | "reconsent" | "revoked", ends_at: string | null,
 *   scopes: string[], missing_scopes: string[], missing_for_calendar: string[], also_ends: number}} Grant
 */

export class Accounts {
  #parts;
  #consent;
  #list;
  #note;
  /** @type {Account[]} */
  #accounts = [];
  /** @type {Grant[]} */
  #grants = [];
  #shown = "";

  /**
   * @param {import("../screens.js").Parts} parts
   * @param {import("./consent.js").Consent} consent
   * @param {HTMLElement} list
   * @param {HTMLElement} note
   */
  constructor(parts, consent, list, note) {
    this.#parts = parts;
    this.#consent = consent;
    this.#list = list;
    this.#note = note;
  }

  /** @throws {import("../../lib/api.js").Problem} */
  async load() {
    const { api, session } = this.#parts;
    const [{ accounts }, { grants }] = await Promise.all([api.get("/v1/me", api.prefixes.me), api.get("/v1/grants", api.prefixes.me)]);
    if (session.signal.aborted) return;
    [this.#accounts, this.#grants] = [accounts, grants];
    this.#show();
  }

  /** Show what changed; what stays the same keeps the focus. */
  #show() {
    const shown = JSON.stringify([this.#accounts, this.#grants]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#list.replaceChildren(...this.#cards());
    this.#list.setAttribute("aria-busy", "false");
  }

  forget() {
    [this.#accounts, this.#grants] = [[], []];
    this.#shown = "";
    this.#list.replaceChildren();
    this.#note.textContent = "";
  }

  #cards() {
    const listed = new Set(this.#accounts.map(({ sub }) => sub));
    const cards = this.#accounts.map((account) => this.#card(account, this.#grants.find(({ account: sub }) => sub === account.sub)));
    const left = this.#grants.filter(({ account }) => !listed.has(account)).map((grant) => this.#leftCard(grant));
    return [...cards, ...left];
  }

  /** @param {Account} account @param {Grant | undefined} grant */
  #card(account, grant) {
    const { format } = this.#parts;
    const card = this.#frame(account);
    const badges = create("p", "badges");
    if (account.primary) badges.append(create("span", "badge", format.word("account_primary")));
    if (account.signs_in) badges.append(create("span", "badge soft", format.word("account_signs_in")));
    if (badges.hasChildNodes()) card.append(badges);
    if (!grant) card.append(create("p", "", format.word("account_without_grant")));
    else if (grant.state === "revoked") card.append(create("p", "", format.word("account_revoked")));
    else this.#describe(card, grant);
    card.append(this.#actions(account, grant));
    return card;
  }

  /** What is left of an account that was disconnected while Google did not answer. @param {Grant} grant */
  #leftCard({ email, state }) {
    const { format } = this.#parts;
    const card = this.#frame({ email: email ?? "", name: null });
    const isOver = state === "revoked";
    card.append(create("p", "", format.word(isOver ? "account_revoked" : "account_without_grant")));
    return card;
  }

  /** @param {{email: string, name: string | null}} account */
  #frame({ email, name }) {
    const { format } = this.#parts;
    const shown = email || format.word("account_unnamed");
    const card = create("article", "card account");
    const head = create("div", "account-head");
    const words = create("div", "account-words");
    const badge = create("span", "initials", initials(name || email));
    badge.setAttribute("aria-hidden", "true");
    words.append(create("h2", "", shown));
    if (name) words.append(create("p", "quiet small", name));
    head.append(badge, words);
    card.setAttribute("aria-label", shown);
    card.append(head);
    return card;
  }

  /** @param {HTMLElement} card @param {Grant} grant */
  #describe(card, grant) {
    const { format } = this.#parts;
    const isOver = grant.state === "reconsent";
    if (isOver) {
      const again = create("div", "account-again");
      again.append(create("h3", "", format.word("needs_yes")), create("p", "", format.word("needs_yes_why")));
      card.append(again);
    }
    const may = allowedBy(grant.scopes, format);
    if (may.length) card.append(create("h3", "", format.word(isOver ? "account_might" : "account_may")), lines(may, "allowed"));
    const missing = allowedBy(missingOf(grant), format);
    if (missing.length) card.append(create("h3", "", format.word("account_may_not")), lines(missing, "missing"));
    if (grant.ends_at && !isOver) {
      card.append(create("p", "quiet small", format.word("account_ends", { date: format.date(grant.ends_at) })));
    }
  }

  /** @param {Account} account @param {Grant | undefined} grant */
  #actions(account, grant) {
    const { format } = this.#parts;
    const actions = create("div", "account-actions");
    const link = this.#wanted(account, grant);
    if (link) actions.append(link);
    if (!account.primary) actions.append(this.#button("make_primary", () => this.#makePrimary(account)));
    if (grant && grant.state !== "revoked") actions.append(this.#button("disconnect", () => this.#disconnect(account, grant)));
    for (const one of actions.children) one.setAttribute("aria-label", `${one.textContent}: ${account.email || format.word("account_unnamed")}`);
    return actions;
  }

  /** The one link to Google that an account needs most. @param {Account} account @param {Grant | undefined} grant */
  #wanted({ sub }, grant) {
    const isOver = !grant || grant.state === "revoked";
    const missing = !grant || isOver ? [] : missingOf(grant);
    if (!isOver && grant.state === "active" && !missing.length) return null;
    const { format } = this.#parts;
    const isAgain = !isOver && grant.state === "reconsent";
    const link = /** @type {HTMLAnchorElement} */ (create("a", "primary", format.word(isAgain ? "renew" : isCalendar(missing) ? "allow_calendar" : "account_allow")));
    // What is said yes to again includes what was missing.
    const scopes = isAgain ? [...new Set([...grant.scopes, ...missing])] : missing;
    link.href = this.#consent.more(sub, isOver ? [] : scopes);
    return link;
  }

  /** @param {string} name @param {() => Promise<void>} act */
  #button(name, act) {
    const button = /** @type {HTMLButtonElement} */ (create("button", "secondary", this.#parts.format.word(`account_${name}`)));
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  }

  /** @param {Account} account */
  async #makePrimary({ sub, email }) {
    const { api, format } = this.#parts;
    try {
      await api.send("PUT", `/v1/accounts/${encodeURIComponent(sub)}/primary`, undefined, api.prefixes.me);
      await this.load();
      this.#say(format.word("account_is_primary", { email }));
    } catch (error) {
      this.#say(explain(error, format));
    }
  }

  /** @param {Account} account @param {Grant} grant */
  async #disconnect(account, grant) {
    const { api, format, session } = this.#parts;
    const act = () => api.send("DELETE", `/v1/grants/${grant.id}`, undefined, api.prefixes.me).catch(unlessGone);
    const isDone = await ask({
      title: format.word("account_disconnect_title", { email: account.email || format.word("account_unnamed") }),
      body: this.#meaning(account, grant),
      yes: format.word("account_disconnect"),
      no: format.word("account_keep"),
      danger: true,
      act,
      explain: (error) => explain(error, format),
      signal: session.signal,
    });
    if (!isDone || session.signal.aborted) return;
    this.#grants = this.#grants.filter(({ id }) => id !== grant.id);
    this.#show();
    this.#say(format.word("account_gone"));
    await this.load().catch((error) => this.#say(explain(error, format)));
    // It stays listed until Google was told.
    if (this.#grants.some(({ id }) => id === grant.id)) this.#say(format.word("account_gone_here"));
    this.#parts.day?.refresh();
  }

  /** What disconnecting means. @param {Account} account @param {Grant} grant */
  #meaning({ signs_in: signsIn }, { id, also_ends: others }) {
    const { format } = this.#parts;
    const isLast = !this.#grants.some((one) => one.id !== id && one.state === "active");
    return [
      format.word("account_disconnect_means"),
      ...(others ? [format.word("account_disconnect_others", { count: others })] : []),
      ...(isLast ? [format.word("account_disconnect_last")] : []),
      format.word(signsIn ? "account_disconnect_signs_in" : "account_disconnect_linked"),
    ];
  }

  /** Say how it went, where the focus goes too: what was pressed may be gone. @param {string} text */
  #say(text) {
    this.#note.textContent = text;
    this.#note.focus();
  }
}

/** What was asked for, or is needed to read the calendar, and was not allowed. @param {Grant} grant */
function missingOf({ missing_scopes: asked, missing_for_calendar: needed }) {
  return [...new Set([...needed, ...asked])].sort();
}

/** @param {string[]} scopes */
function isCalendar(scopes) {
  return scopes.every((scope) => scope.startsWith("calendar."));
}

/** What is gone already needs no disconnecting. @param {unknown} error */
function unlessGone(error) {
  if (error instanceof Error && "code" in error && error.code === "not_found") return {};
  throw error;
}

/** @param {string[]} texts @param {string} className */
function lines(texts, className) {
  const list = create("ul", className);
  list.append(...texts.map((text) => create("li", "", text)));
  return list;
}

/** One or two letters in place of a picture, which a third party would serve. @param {string} name */
function initials(name) {
  const words = (name.split("@")[0] ?? "").replaceAll(".", " ").split(/\s+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return picked.map((word) => [...(word ?? "")][0]).join("").toUpperCase() || "?";
}

// Where the user is signed in, and the ends of those sessions.

import { create } from "../../lib/dom.js";
import { explain } from "../explain.js";

/** @typedef {{id: number, kind: string, current: boolean, user_agent: string | null, created_at: string, last_used_at: string}} SessionResource */

export class Sessions {
  #parts;
  #list;
  #others;
  #note;
  #shown = "";

  /** @param {import("../screens.js").Parts} parts @param {HTMLElement} card */
  constructor(parts, card) {
    this.#parts = parts;
    this.#list = /** @type {HTMLElement} */ (card.querySelector("ul"));
    this.#others = /** @type {HTMLButtonElement} */ (card.querySelector("button"));
    this.#note = /** @type {HTMLElement} */ (card.querySelector(".note"));
    this.#others.addEventListener("click", () => this.#end("/v1/sessions", parts.format.word("sessions_others_ended")));
  }

  /** @throws {import("../../lib/api.js").Problem} */
  async load() {
    const { api, session } = this.#parts;
    const { sessions } = await api.get("/v1/sessions", api.prefixes.me);
    if (!session.signal.aborted) this.#show(sessions);
  }

  forget() {
    this.#shown = "";
    this.#list.replaceChildren();
    this.#note.textContent = "";
    this.#others.hidden = true;
  }

  /** @param {SessionResource[]} sessions */
  #show(sessions) {
    const shown = JSON.stringify(sessions);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const first = sessions.filter(({ current }) => current);
    this.#list.replaceChildren(...[...first, ...sessions.filter(({ current }) => !current)].map((one) => this.#row(one)));
    this.#others.hidden = sessions.length < 2;
  }

  /** @param {SessionResource} session */
  #row({ id, kind, current, user_agent: agent, created_at: begun, last_used_at: used }) {
    const { format, clock } = this.#parts;
    const isBrowser = kind === "cookie";
    const name = agent ?? format.word(isBrowser ? "session_browser" : "session_app");
    const ago = format.ago(Math.max(0, (clock.now() - Date.parse(used)) / 1000));
    const row = create("li", "session");
    const what = create("span", "what", name);
    if (current) what.append(create("span", "badge", format.word("session_this")));
    row.append(what, create("span", "quiet small", format.word("session_since", { date: format.date(begun), ago })));
    if (!current) row.append(this.#button(id, name));
    return row;
  }

  /** @param {number} id @param {string} name */
  #button(id, name) {
    const { format } = this.#parts;
    const button = /** @type {HTMLButtonElement} */ (create("button", "secondary", format.word("sign_out")));
    button.type = "button";
    button.setAttribute("aria-label", `${format.word("sign_out")}: ${name}`);
    button.addEventListener("click", () => this.#end(`/v1/sessions/${id}`, format.word("session_ended")));
    return button;
  }

  /** @param {string} path @param {string} done what is said then */
  async #end(path, done) {
    const { api, format } = this.#parts;
    try {
      await api.send("DELETE", path, undefined, api.prefixes.me);
      this.#note.textContent = done;
      this.#note.focus();
    } catch (error) {
      this.#note.textContent = explain(error, format);
    }
    // One that had ended already leaves the list as well.
    await this.load().catch(() => {});
  }
}

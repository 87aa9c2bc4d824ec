// Who shares a device: what it says of each, inviting by a link, removing, and leaving.

import { ask } from "../../lib/dialog.js";
import { create } from "../../lib/dom.js";
import { box, button, during, field, input, sentence } from "./parts.js";

/** @typedef {{user_id: number, name: string, is_owner: boolean, says_name: boolean, says_titles: boolean}} Member */

export class Members {
  #context;
  #device;
  #list = create("ul", "members");
  #own = create("div", "member-own");
  #link = create("div", "member-link");

  /** @param {import("./parts.js").Context} context @param {import("./parts.js").DeviceResource} device */
  constructor(context, device) {
    this.#context = context;
    this.#device = device;
    this.element = create("div", "device-part");
    this.element.append(create("h3", "", context.format.word("members")), this.#own, this.#list);
    if (device.is_owner) this.element.append(this.#invitation());
    this.#load().catch((error) => (this.#own.textContent = sentence(context.format, error)));
  }

  async #load() {
    const { members } = /** @type {{members: Member[]}} */ (await this.#context.api.get(`${this.#path}/members`));
    const isMine = (/** @type {Member} */ one) => (this.#device.is_owner ? one.is_owner : true);
    const mine = members.find(isMine);
    if (mine) this.#showOwn(mine);
    this.#list.replaceChildren(...members.filter((one) => one !== mine).map((one) => this.#item(one)));
    this.#list.hidden = this.#list.childElementCount === 0;
  }

  get #path() {
    return `/v1/devices/${this.#device.id}`;
  }

  /** @param {Member} mine */
  #showOwn(mine) {
    const { format } = this.#context;
    const boxes = /** @type {const} */ (["says_name", "says_titles"]).map((key) => {
      const [label, control] = box(format.word(`member_${key}`), mine[key]);
      control.addEventListener("change", () => during(this.#context, control, () => this.#choose(control, key)));
      return label;
    });
    this.#own.replaceChildren(create("p", "quiet small", format.word("member_own")), ...boxes);
    if (mine.is_owner) return;
    const leave = button("link device-remove", format.word("member_leave"), `${format.word("member_leave")}: ${this.#device.name}`);
    leave.addEventListener("click", () => this.#leave(mine));
    this.#own.append(leave);
  }

  /** @param {HTMLInputElement} control @param {"says_name" | "says_titles"} key */
  async #choose(control, key) {
    try {
      await this.#context.api.send("PATCH", `${this.#path}/members/me`, { [key]: control.checked });
      this.#context.tell(this.#context.format.word("saved"));
    } catch (error) {
      control.checked = !control.checked;
      throw error;
    }
  }

  /** @param {Member} member */
  #item(member) {
    const { format } = this.#context;
    const name = member.name || format.word("member_nameless");
    const row = create("li", "member");
    const remove = button("link", format.word("device_remove"), `${format.word("device_remove")}: ${name}`);
    remove.addEventListener("click", () => this.#remove(member, name));
    const said = [
      format.word(member.says_name ? "member_with_name" : "member_without_name"),
      format.word(member.says_titles ? "member_with_titles" : "member_without_titles"),
    ];
    row.append(create("span", "what", name), remove, create("span", "which", said.join(" · ")));
    return row;
  }

  /** @param {Member} mine */
  async #leave(mine) {
    const { format, reload } = this.#context;
    const title = format.word("member_leave_ask", { name: this.#device.name });
    if (await this.#end(mine, title, format.word("member_leave_why"), format.word("member_leave"))) await reload();
  }

  /** @param {Member} member @param {string} name */
  async #remove(member, name) {
    const { format } = this.#context;
    const title = format.word("member_remove_ask", { name });
    if (await this.#end(member, title, format.word("member_remove_why"), format.word("device_remove"))) await this.#load();
  }

  /** Ask, and end a membership. @param {Member} member @param {string} title @param {string} why @param {string} yes */
  #end(member, title, why, yes) {
    const { api, format, signal } = this.#context;
    return ask({
      title,
      body: [why],
      yes,
      no: format.word("device_keep"),
      danger: true,
      signal,
      act: () => api.send("DELETE", `${this.#path}/members/${member.user_id}`),
      explain: (error) => sentence(format, error),
    });
  }

  #invitation() {
    const { format } = this.#context;
    const made = create("div", "member-invite");
    const [invite, withdraw] = [button("secondary", format.word("member_invite")), button("link", format.word("member_withdraw"))];
    const buttons = create("div", "pair-buttons");
    buttons.append(invite, withdraw);
    made.append(create("p", "quiet small", format.word("member_invite_why")), buttons, this.#link);
    invite.addEventListener("click", () => during(this.#context, invite, () => this.#invite()));
    withdraw.addEventListener("click", () => during(this.#context, withdraw, () => this.#withdraw()));
    return made;
  }

  async #invite() {
    const { api, format } = this.#context;
    const { code } = await api.send("POST", `${this.#path}/invitations`);
    const link = `${location.origin}${api.prefixes.mia}/devices#invitation=${encodeURIComponent(code)}`;
    const text = input("text", { readOnly: true, value: link });
    text.addEventListener("focus", () => text.select());
    const copy = button("chip", format.word("device_copy"));
    copy.addEventListener("click", () => during(this.#context, copy, () => this.#copy(link, text)));
    const buttons = create("div", "pair-buttons");
    buttons.append(copy);
    if (navigator.share) {
      const share = button("chip", format.word("member_send"));
      // To change one’s mind there is no mistake.
      share.addEventListener("click", () => navigator.share({ url: link }).catch(() => {}));
      buttons.append(share);
    }
    this.#link.replaceChildren(field(format.word("member_link"), text), buttons);
    text.focus();
  }

  /** @param {string} link @param {HTMLInputElement} text */
  async #copy(link, text) {
    try {
      await navigator.clipboard.writeText(link);
      this.#context.tell(this.#context.format.word("device_copied"));
    } catch {
      text.focus();
    }
  }

  async #withdraw() {
    await this.#context.api.send("DELETE", `${this.#path}/invitations`);
    this.#link.replaceChildren();
    this.#context.tell(this.#context.format.word("member_withdrawn"));
  }
}

// This browser as one of the user's devices, with a bearer token of its own that is kept per user.

import { recall, remember } from "../lib/memory.js";

/**
 * `next` is a token that is to replace the other one, kept until it is known which of them the server takes.
 * @typedef {{id: string | number, token: string, next?: string}} Identity
 */

/** Its event "made" tells that the server knows this browser as a device now. */
export class Device extends EventTarget {
  #api;
  #key;
  #name;
  /** @type {Promise<Identity> | null} */
  #making = null;

  /** @param {import("../lib/api.js").Api} api @param {number} user @param {string} name */
  constructor(api, user, name) {
    super();
    this.#api = api;
    this.#name = name;
    this.#key = `catflap.device.${user}`;
  }

  /** Its id, or null before it is known to the server. @returns {number | null} */
  get id() {
    const known = this.#known();
    return known && Number(known.id);
  }

  /**
   * A request as this device; a token that the server refuses is replaced by a new one, once.
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async fetch(path, init = {}) {
    const identity = await this.#identity();
    const response = await this.#ask(path, init, identity.token);
    if (response.status !== 401) return response;
    const known = this.#known();
    if (known?.token === identity.token) remember(this.#key, known.next && { id: known.id, token: known.next });
    return this.#ask(path, init, (await this.#identity()).token);
  }

  /** @param {string} path @param {unknown} body @returns {Promise<Response>} */
  post(path, body) {
    return this.fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /**
   * Set its volume or mute on the server, for every client that shows them.
   * @param {{volume?: number, muted_until?: null}} change
   */
  async adjust(change) {
    const identity = this.#known();
    if (identity) await this.#api.send("PATCH", `/v1/devices/${identity.id}`, change).catch(() => {});
  }

  /** Replace its token. The answer may be lost, so the new one is kept beside the old one before. */
  async renew() {
    const { id, token } = await this.#identity();
    const next = random();
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(next));
    remember(this.#key, { id, token, next });
    const response = await this.post("/v1/device/token", { token_sha256: hex(new Uint8Array(hash)) });
    if (!response.ok) throw new Error(`the new token was refused: ${response.status}`);
    remember(this.#key, { id, token: next });
  }

  /** Have a text said here, as soon as it has a sound. @param {string} text */
  async say(text) {
    const { id } = await this.#identity();
    await this.#api.send("POST", "/v1/say", { text, device: Number(id) });
  }

  /** @returns {Promise<Identity>} */
  #identity() {
    const known = this.#known();
    if (known?.token) return Promise.resolve(known);
    this.#making ??= this.#make().finally(() => (this.#making = null));
    return this.#making;
  }

  /** @returns {Identity | null} */
  #known() {
    return recall(this.#key, /** @type {Identity | null} */ (null));
  }

  /** @returns {Promise<Identity>} */
  async #make() {
    const { id, token } = await this.#api.send("POST", "/v1/devices", { browser: true, name: this.#name });
    remember(this.#key, { id, token });
    this.dispatchEvent(new Event("made"));
    return { id, token };
  }

  /** @param {string} path @param {RequestInit} init @param {string} token */
  #ask(path, init, token) {
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    return fetch(this.#api.prefixes.mia + path, { ...init, headers, credentials: "omit", cache: "no-store" });
  }
}

function random() {
  return hex(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Calls of our HTTP API as the signed-in user, with the session cookie and the CSRF token.

/** A response other than 2xx, with the code of its problem document (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {string} code */
  constructor(status, code) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

export class Api {
  #csrf;
  /** Called when a call is refused because the page's session has ended. @type {(status: number) => void} */
  onRefused = () => {};

  /** @param {string} csrf @param {{mia: string, me: string}} [prefixes] paths under which the routers are included */
  constructor(csrf, prefixes = { mia: "", me: "" }) {
    this.prefixes = prefixes;
    this.#csrf = csrf;
  }

  /** @param {string} path @param {string} [prefix] @returns {Promise<any>} */
  get(path, prefix = this.prefixes.mia) {
    // The CSRF token binds reads, too, to the session that the page was made for.
    return this.#call(prefix + path, { headers: { Accept: "application/json", "X-CSRF-Token": this.#csrf } });
  }

  /**
   * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {string} [prefix]
   * @returns {Promise<any>}
   */
  send(method, path, body, prefix = this.prefixes.mia) {
    return this.#call(prefix + path, this.#json(method, body));
  }

  /** A file, once it is here as a whole. @param {string} path @param {string} [prefix] @returns {Promise<Blob>} */
  async file(path, prefix = this.prefixes.mia) {
    return (await this.#answer(prefix + path, { headers: { "X-CSRF-Token": this.#csrf } })).blob();
  }

  /** The sound that a POST answers. @param {string} path @param {unknown} body */
  async sound(path, body) {
    return (await this.#answer(this.prefixes.mia + path, this.#json("POST", body))).arrayBuffer();
  }

  /** @param {string} method @param {unknown} body @returns {RequestInit} */
  #json(method, body) {
    const headers = { "Content-Type": "application/json", "X-CSRF-Token": this.#csrf };
    return { method, headers, body: JSON.stringify(body) };
  }

  /** @param {string} address @param {RequestInit} init */
  async #call(address, init) {
    const response = await this.#answer(address, init);
    return response.json().catch(() => ({}));
  }

  /** @param {string} address @param {RequestInit} init @throws {Problem} */
  async #answer(address, init) {
    const response = await fetch(address, { ...init, credentials: "same-origin", cache: "no-store" });
    if (response.ok) return response;
    const body = await response.json().catch(() => ({}));
    if (response.status === 401 || body.code === "csrf") this.onRefused(response.status);
    throw new Problem(response.status, String(body.code ?? "unknown"));
  }
}

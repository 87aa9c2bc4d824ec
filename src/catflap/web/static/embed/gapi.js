// gapi.auth2, for pages written after Google's older guide to server-side sign-in; it uses the current code client.
//
//   <script src="https://your.catflap/static/gapi.js?onload=start" async defer></script>
//
// onload=name   called when gapi is ready, as Google's platform.js did
// me=path       where the routes of `me_router()` are, when their prefix is another than this script's
// gsi=address   Google's browser script, when it is not https://accounts.google.com/gsi/client
//
// A code that grantOfflineAccess() gives goes to your server as before: POST /storeauthcode. signIn() exchanges
// its code here and sets currentUser. ID tokens and access tokens never reach the page.

/**
 * @typedef {{client_id: string, scope?: string, hosted_domain?: string}} Config
 * @typedef {{scope?: string, prompt?: string, login_hint?: string}} Options of signIn and grantOfflineAccess
 * @typedef {{sub: string, email: string, name?: string, given_name?: string, family_name?: string, picture?: string}} Account
 * @typedef {{account: Account, granted: string[], csrf_token?: string}} SignedIn the answer of POST /signin/google/code
 * @typedef {{code: string}} Code
 * @typedef {{callback?: () => void, onerror?: (reason: unknown) => void}} LoadOptions
 */

(() => {
  "use strict";
  const page = /** @type {any} */ (window);
  const script = new URL(/** @type {HTMLScriptElement} */ (document.currentScript).src);
  const auth = new URL("..", script).href.slice(0, -1);
  const me = script.searchParams.has("me") ? new URL(script.searchParams.get("me") ?? "", script).href : auth;
  const GSI = script.searchParams.get("gsi") || "https://accounts.google.com/gsi/client";
  const BASIC = "openid email profile";
  const SHORT = "https://www.googleapis.com/auth/";
  const NO_START = "idpiframe_initialization_failed";
  /** @type {Record<string, string>} */
  const ERRORS = { popup_closed: "popup_closed_by_user", popup_failed_to_open: "popup_blocked_by_browser" };

  // `navigator.cookieEnabled` is true also where cookies are blocked.
  function keepsCookies() {
    try {
      document.cookie = "catflap_kept=1; SameSite=Lax";
      const isKept = document.cookie.includes("catflap_kept=1");
      document.cookie = "catflap_kept=; SameSite=Lax; Max-Age=0";
      return isKept;
    } catch {
      return false;
    }
  }

  /** @type {Promise<void>} */
  const google = new Promise((resolve, reject) => {
    // As Google's old script said it, for pages that look at its words.
    if (!keepsCookies()) return reject({ error: NO_START, details: "Cookies are not enabled in current environment." });
    if (page.google?.accounts?.oauth2) return resolve();
    const tag = document.createElement("script");
    tag.src = GSI;
    tag.onload = () => resolve();
    tag.onerror = () => reject({ error: NO_START, details: "Google's script didn't load." });
    document.head.append(tag);
  });
  google.catch(() => {});

  /** @param {string | undefined} text */
  const words = (text) => new Set((text || "").split(/[\s,]+/).filter(Boolean));
  /** @param {string} scope */
  const short = (scope) => scope.replace(SHORT + "userinfo.", "").replace(SHORT, "");
  /** @param {(string | undefined)[]} texts */
  const join = (...texts) => [...new Set(texts.flatMap((text) => [...words(text)]))].join(" ");
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  /** @template T */
  class Value {
    #value;
    /** @type {((value: T) => void)[]} */
    #listeners = [];
    /** @param {T} value */
    constructor(value) {
      this.#value = value;
    }
    get() {
      return this.#value;
    }
    /** @param {(value: T) => void} listener */
    listen(listener) {
      this.#listeners.push(listener);
    }
    /** @param {T} value */
    set(value) {
      const changed = value !== this.#value;
      this.#value = value;
      if (changed) for (const listener of this.#listeners) listener(value);
    }
  }

  class BasicProfile {
    /** @param {Account} account */
    constructor(account) {
      this.getId = () => account.sub;
      this.getName = () => account.name;
      this.getGivenName = () => account.given_name;
      this.getFamilyName = () => account.family_name;
      this.getImageUrl = () => account.picture;
      this.getEmail = () => account.email;
    }
  }

  class GoogleUser {
    #auth;
    #answer;
    /** @param {GoogleAuth} auth @param {SignedIn | null} [answer] */
    constructor(auth, answer = null) {
      this.#auth = auth;
      this.#answer = answer;
    }
    isSignedIn() {
      return this.#answer !== null;
    }
    getId() {
      return this.#answer?.account.sub ?? null;
    }
    getBasicProfile() {
      return this.#answer ? new BasicProfile(this.#answer.account) : undefined;
    }
    getHostedDomain() {
      return undefined;
    }
    getGrantedScopes() {
      return this.#answer ? this.#answer.granted.map((name) => (BASIC.includes(name) ? name : SHORT + name)).join(" ") : null;
    }
    /** @param {string} scopes */
    hasGrantedScopes(scopes) {
      const granted = new Set(this.#answer?.granted ?? []);
      return [...words(scopes)].every((scope) => granted.has(short(scope)));
    }
    getAuthResponse() {
      return { scope: this.getGrantedScopes() };
    }
    /** @param {Options} [options] */
    grant(options = {}) {
      return this.#auth.signIn(options);
    }
    /** @param {Options} [options] */
    grantOfflineAccess(options = {}) {
      return this.#auth.grantOfflineAccess(options);
    }
    disconnect() {
      return this.#auth.disconnect();
    }
  }

  class GoogleAuth {
    #config;
    /** @type {string | null} */
    #csrf = null;
    /** @param {Config} config */
    constructor(config) {
      this.#config = config;
      this.isSignedIn = new Value(false);
      this.currentUser = new Value(new GoogleUser(this));
    }

    // The callback gets a proxy without `then`: with this object `await gapi.auth2.init()` would never end.
    /** @param {((auth: GoogleAuth) => any) | null} [onInit] @param {((reason: any) => any) | null} [onError] */
    then(onInit, onError) {
      /** @param {any} auth @param {string | symbol} name */
      const get = (auth, name) => {
        if (name === "then") return undefined;
        return typeof auth[name] === "function" ? auth[name].bind(auth) : auth[name];
      };
      const ready = new Proxy(this, { get });
      return google.then(() => (onInit ? onInit(ready) : ready), onError);
    }

    /** @param {Options} [options] */
    async signIn(options = {}) {
      const scope = join(BASIC, this.#config.scope, options.scope);
      const { code } = await this.#ask(scope, options);
      const answer = await this.#redeem(code, scope);
      this.#csrf = answer.csrf_token ?? this.#csrf;
      const user = new GoogleUser(this, answer);
      this.currentUser.set(user);
      this.isSignedIn.set(true);
      return user;
    }

    /** @param {Options} [options] @returns {Promise<Code>} */
    async grantOfflineAccess(options = {}) {
      return await this.#ask(join(BASIC, this.#config.scope, options.scope), options);
    }

    async signOut() {
      if (this.#csrf) await this.#call(auth, "/signout", { method: "POST", headers: { "X-CSRF-Token": this.#csrf } });
      this.#forget();
    }

    async disconnect() {
      if (this.#csrf) {
        /** @type {{grants: {id: number, primary: boolean}[]}} */
        const { grants } = await (await this.#call(me, "/v1/grants")).json();
        for (const grant of grants.filter((one) => one.primary)) {
          await this.#call(me, `/v1/grants/${grant.id}`, { method: "DELETE", headers: { "X-CSRF-Token": this.#csrf } });
        }
      }
      await this.signOut();
    }

    /**
     * @param {string | HTMLElement} container
     * @param {Options} [options]
     * @param {(user: GoogleUser) => void} [onSuccess]
     * @param {(reason: any) => void} [onFailure]
     */
    attachClickHandler(container, options, onSuccess, onFailure) {
      const element = typeof container === "string" ? document.getElementById(container) : container;
      if (!element) throw new Error(`no element has the id ${container}`);
      element.addEventListener("click", () => this.signIn(options || {}).then(onSuccess, onFailure));
    }

    #forget() {
      this.#csrf = null;
      this.currentUser.set(new GoogleUser(this));
      this.isSignedIn.set(false);
    }

    /** @param {string} scope @param {Options} options @returns {Promise<Code>} */
    async #ask(scope, options) {
      await google;
      const state = random();
      const { client_id, hosted_domain } = this.#config;
      return await new Promise((resolve, reject) => {
        const client = page.google.accounts.oauth2.initCodeClient({
          client_id,
          scope,
          state,
          ux_mode: "popup",
          include_granted_scopes: true,
          ...(hosted_domain && { hd: hosted_domain }),
          ...(options.login_hint && { login_hint: options.login_hint }),
          ...(/select_account/.test(options.prompt || "") && { select_account: true }),
          callback: (/** @type {{error?: string, state?: string, code: string}} */ answer) => {
            if (answer.error) reject({ error: answer.error });
            else if (answer.state !== state) reject({ error: "state_mismatch" });
            else resolve({ code: answer.code });
          },
          error_callback: (/** @type {{type: string}} */ { type }) => reject({ error: ERRORS[type] || type }),
        });
        client.requestCode();
      });
    }

    /** @param {string} code @param {string} scope @returns {Promise<SignedIn>} */
    async #redeem(code, scope) {
      const scopes = [...words(scope)].filter((name) => !words(BASIC).has(name)).join(" ");
      const response = await this.#call(auth, "/signin/google/code", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Requested-With": "XMLHttpRequest" },
        body: JSON.stringify({ code, client: "popup", scopes }),
      });
      const answer = await response.json();
      if (!response.ok) throw { error: answer.code, details: answer.detail };
      return answer;
    }

    /** @param {string} base @param {string} path @param {RequestInit} [init] */
    #call(base, path, init = {}) {
      return fetch(base + path, { credentials: "include", cache: "no-store", ...init });
    }
  }

  /** @type {GoogleAuth | null} */
  let instance = null;
  const auth2 = {
    /** @param {Config} config */
    init(config) {
      if (!config?.client_id) throw new Error("gapi.auth2.init() needs a client_id.");
      return (instance ??= new GoogleAuth({ ...config }));
    },
    getAuthInstance: () => instance,
  };

  const gapi = (page.gapi ??= {});
  /** @param {string} _names @param {(() => void) | LoadOptions} [given] */
  gapi.load = (_names, given) => {
    /** @type {LoadOptions} */
    const { callback, onerror } = typeof given === "function" ? { callback: given } : given || {};
    google.then(() => {
      gapi.auth2 ??= auth2;
      callback?.();
    }, onerror || (() => {}));
  };

  const onload = script.searchParams.get("onload");
  if (onload) {
    const call = () => page[onload]?.();
    // The page may define the function below this script's tag.
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", call);
    else setTimeout(call, 0);
  }
})();

// A stand-in for Google's browser script: the same calls, answered by this sandbox.
// Source: Google Identity Services reference. initTokenClient (implicit flow) and FedCM are left out on purpose.
(() => {
  "use strict";
  const base = new URL(document.currentScript.src).origin;
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const named = (value) => (typeof value === "string" ? window[value] : value);
  const japanese = (locale) => (locale || document.documentElement.lang || navigator.language || "").startsWith("ja");

  function inPopup(url, id, type, onAnswer, onError) {
    const left = window.screenX + Math.max(0, (window.outerWidth - 500) / 2);
    const top = window.screenY + Math.max(0, (window.outerHeight - 640) / 2);
    const popup = window.open(url, "g_auth_" + id, `width=500,height=640,left=${left},top=${top}`);
    if (!popup) return onError({ type: "popup_failed_to_open", message: "Failed to open popup window" });
    popup.focus();
    const stop = () => { window.removeEventListener("message", hear); window.clearInterval(timer); };
    const hear = (event) => {
      if (event.origin !== base || !event.data || event.data.type !== type || event.data.id !== id) return;
      stop();
      const { type: _type, id: _id, iss: _iss, ...answer } = event.data;
      onAnswer(answer);
    };
    const timer = window.setInterval(() => {
      if (!popup.closed) return;
      window.clearInterval(timer);
      window.setTimeout(() => { stop(); onError({ type: "popup_closed", message: "Popup window closed" }); }, 250);
    }, 200);
    const answered = onAnswer;
    onAnswer = (answer) => { onError = () => {}; answered(answer); };
    window.addEventListener("message", hear);
  }

  function initCodeClient(config) {
    if (!config || !config.client_id) throw new Error("Missing required parameter client_id.");
    if (!config.scope) throw new Error("Missing required parameter scope.");
    const popup = (config.ux_mode || "popup") === "popup";
    if (popup && typeof config.callback !== "function") throw new Error("Missing required parameter callback.");
    const requestCode = () => {
      const id = "auth" + random();
      const relay = `storagerelay://${location.protocol.replace(":", "")}/${location.host}?id=${id}`;
      const given = {
        gsiwebsdk: "3", client_id: config.client_id, scope: config.scope, response_type: "code", access_type: "offline",
        redirect_uri: popup ? relay : config.redirect_uri || location.origin + location.pathname,
        include_granted_scopes: String(config.include_granted_scopes !== false),
        state: config.state, login_hint: config.login_hint || config.hint, hd: config.hd || config.hosted_domain,
        prompt: config.select_account ? "select_account" : undefined,
      };
      const known = Object.entries(given).filter(([, value]) => value !== undefined && value !== null && value !== "");
      const url = `${base}/o/oauth2/v2/auth?${new URLSearchParams(known)}`;
      if (popup) inPopup(url, id, "authorizationResponse", config.callback, config.error_callback || (() => {}));
      else location.assign(url);
    };
    return { requestCode };
  }

  const scopesOf = (answer) => new Set(((answer && answer.scope) || "").split(" "));
  const oauth2 = {
    initCodeClient,
    hasGrantedAllScopes: (answer, ...scopes) => scopes.flat().every((scope) => scopesOf(answer).has(scope)),
    hasGrantedAnyScope: (answer, ...scopes) => scopes.flat().some((scope) => scopesOf(answer).has(scope)),
    revoke: (token, done = () => {}) =>
      fetch(`${base}/revoke`, { method: "POST", body: new URLSearchParams({ token }) })
        .then(async (answer) => done({ successful: answer.ok, ...(await answer.json()) }))
        .catch(() => done({ successful: false, error: "network_error" })),
  };

  let settings = null;
  function choose(by) {
    if (!settings || !settings.client_id) throw new Error("Call google.accounts.id.initialize() with a client_id first.");
    const id = "cred" + random();
    const given = { client_id: settings.client_id, origin: location.origin, id, select_by: by, login_hint: settings.login_hint || "" };
    if (settings.nonce) given.nonce = settings.nonce;
    if (settings.ux_mode === "redirect" || (settings.login_uri && !settings.callback)) {
      const csrf = random();
      document.cookie = `g_csrf_token=${csrf}; path=/; SameSite=Lax`;
      const login = new URL(settings.login_uri || location.href, location.href).href;
      location.assign(`${base}/gsi/select?${new URLSearchParams({ ...given, login_uri: login, g_csrf_token: csrf })}`);
      return;
    }
    const answered = ({ credential, select_by }) => settings.callback({ credential, select_by, clientId: settings.client_id });
    inPopup(`${base}/gsi/select?${new URLSearchParams(given)}`, id, "credential", answered, () => {});
  }

  const words = {
    signin_with: ["Sign in with Google", "Google でログイン"], signup_with: ["Sign up with Google", "Google で登録"],
    continue_with: ["Continue with Google", "Google で続行"], signin: ["Sign in", "ログイン"],
  };
  const themes = { outline: ["#fff", "#1f1f1f", "#c9c0ac"], filled_blue: ["#1f5fbf", "#fff", "#1f5fbf"], filled_black: ["#202124", "#fff", "#202124"] };
  const heights = { large: 40, medium: 32, small: 22 };
  function renderButton(parent, options = {}, clicked) {
    const [ground, ink, line] = themes[options.theme] || themes.outline;
    const height = heights[options.size] || heights.large;
    const button = document.createElement("button");
    const text = (words[options.text] || words.signin_with)[japanese(options.locale) ? 1 : 0];
    button.type = "button";
    button.className = "g_id_sandbox_button";
    button.setAttribute("aria-label", text);
    button.style.cssText = `all:revert;box-sizing:border-box;display:inline-flex;align-items:center;justify-content:center;gap:.6em;cursor:pointer;
      height:${height}px;padding:0 ${Math.round(height / 2.5)}px;font:600 ${height > 30 ? 14 : 11}px system-ui,sans-serif;white-space:nowrap;
      color:${ink};background:${ground};border:1px solid ${line};border-radius:${options.shape === "rectangular" ? 6 : height}px`;
    if (options.width) button.style.width = `${parseInt(options.width, 10)}px`;
    const badge = document.createElement("span");
    badge.textContent = "SANDBOX";
    badge.style.cssText = "padding:.15em .5em;border-radius:4px;color:#2a2200;background:#ffd04a;font-size:.72em;letter-spacing:.05em";
    button.append(badge);
    if (options.type !== "icon") button.append(document.createTextNode(text));
    button.addEventListener("click", () => { if (clicked) clicked(); if (options.click_listener) options.click_listener(); choose("btn"); });
    parent.replaceChildren(button);
  }

  const id = {
    initialize: (given) => { settings = { ...given, callback: named(given.callback) }; },
    renderButton,
    prompt: (listener) => {
      const moment = (type, reason) => ({
        getMomentType: () => type, isDisplayMoment: () => type === "display", isSkippedMoment: () => type === "skipped",
        isDismissedMoment: () => type === "dismissed", getDismissedReason: () => reason, getSkippedReason: () => reason,
        isDisplayed: () => false, isNotDisplayed: () => true, getNotDisplayedReason: () => "suppressed_by_user",
      });
      if (listener) window.setTimeout(() => listener(moment("skipped", "user_cancel")), 0);
    },
    cancel: () => {},
    disableAutoSelect: () => {},
    storeCredential: (_credential, done) => done && done(),
    revoke: (_hint, done) => done && done({ successful: true }),
  };

  window.google = window.google || {};
  window.google.accounts = { id, oauth2 };

  function readPage() {
    const data = document.getElementById("g_id_onload");
    if (data) {
      const { client_id, login_uri, callback, nonce, ux_mode, login_hint } = data.dataset;
      id.initialize({ client_id, login_uri, callback, nonce, ux_mode, login_hint });
    }
    for (const place of document.querySelectorAll(".g_id_signin")) renderButton(place, { ...place.dataset });
    if (typeof window.onGoogleLibraryLoad === "function") window.onGoogleLibraryLoad();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", readPage);
  else window.setTimeout(readPage, 0);
})();

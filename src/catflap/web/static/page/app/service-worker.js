// The service worker: without a network it answers the addresses of screens with the page /offline. It keeps that
// page and the files it needs, nothing about a person, and leaves all other requests to the browser.

// A new version of the files is another address of this script, and so another worker with a cache of its own.
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const version = new URL(worker.location.href).searchParams.get("v");
const scope = new URL(worker.registration.scope).pathname;
const CACHE = `catflap-${version}`;
const LANGUAGES = ["en", "ja"];
const SCREENS = /^(today|voice|when|devices|google|privacy|operator|hello|offline)?$/;
/** A network that neither answers nor fails. */
const PATIENCE = 10_000;

worker.addEventListener("install", (event) => event.waitUntil(keep().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (event) => event.waitUntil(dropOthers().then(() => worker.clients.claim())));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, searchParams } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin || !pathname.startsWith(scope)) return;
  const name = pathname.slice(scope.length);
  if (request.mode === "navigate" && SCREENS.test(name)) event.respondWith(page(request, searchParams.get("lang")));
  else if (name.startsWith(`static/${version}/`)) event.respondWith(file(request));
});

async function keep() {
  /** @type {Map<string, Response>} */
  const found = new Map();
  for (const language of LANGUAGES) {
    const address = offline(language);
    const answer = await fetched(address);
    found.set(address, answer.clone());
    for (const [, file = ""] of (await answer.text()).matchAll(/(?:href|src)="([^"]*\/static\/[^"]+)"/g)) {
      if (!found.has(file)) found.set(file, await fileOfThisVersion(file));
    }
  }
  const cache = await caches.open(CACHE);
  await Promise.all(Array.from(found, ([address, answer]) => cache.put(address, answer)));
}

/**
 * While servers of two versions answer behind one address, that of the other one has other files, under the addresses
 * of this version too, and then asks not to keep them. The next visit tries again.
 * @param {string} file
 */
async function fileOfThisVersion(file) {
  if (!file.includes(`/static/${version}/`)) throw new Error(`the offline page is of another version: ${file}`);
  const answer = await fetched(file);
  if (answer.headers.get("Cache-Control") === "no-cache") throw new Error(`${file} is of another version`);
  return answer;
}

/** @param {string} address */
async function fetched(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

async function dropOthers() {
  const old = (await caches.keys()).filter((name) => name.startsWith("catflap-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** @param {Request} request @param {string | null} wanted */
async function page(request, wanted) {
  try {
    // A navigation can't be sent again with a signal.
    return await Promise.race([fetch(request), late()]);
  } catch {
    const language = [wanted, navigator.language.slice(0, 2)].find((one) => one && LANGUAGES.includes(one)) ?? "en";
    return (await caches.match(offline(language))) ?? Response.error();
  }
}

/** @returns {Promise<never>} */
function late() {
  return new Promise((_, reject) => setTimeout(reject, PATIENCE));
}

/** @param {Request} request */
async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/** @param {string} language */
function offline(language) {
  return `${scope}offline?lang=${language}`;
}

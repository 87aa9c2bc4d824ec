// The schedule as Server-Sent Events, read with fetch because EventSource can't carry a bearer token.

import { delay } from "../lib/clock.js";

const SILENCE = 60_000;
const LONGEST_PAUSE = 30_000;

/**
 * Cut a byte stream into events (WHATWG HTML, "Interpreting an event stream").
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} onBytes
 * @returns {AsyncGenerator<{event: string, id: string, data: string}>}
 */
export async function* readEvents(body, onBytes) {
  const reader = body.pipeThrough(/** @type {ReadableWritablePair<string, Uint8Array>} */ (new TextDecoderStream())).getReader();
  let rest = "";
  let [event, id] = ["message", ""];
  /** @type {string[]} */
  let data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onBytes();
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { event, id, data: data.join("\n") };
        [event, data] = ["message", []];
        continue;
      }
      const [, field, text] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === "event") event = text ?? "";
      if (field === "id") id = text ?? "";
      if (field === "data") data.push(text ?? "");
    }
  }
}

/**
 * @typedef {object} Listener
 * @property {() => Promise<unknown>} onBegin before each attempt to connect, which waits for it
 * @property {() => void} onConnect before the first document of each connection
 * @property {(document: import("./schedule.js").ScheduleDocument) => void} onDocument
 * @property {() => void} onBytes at every sign of life, keep-alive comments too
 * @property {(online: boolean) => void} onLine
 * @property {(isGone: boolean) => Promise<unknown>} onEnd at the end of each connection; `isGone` when the stream said so
 */

/**
 * Follow the schedule until the signal says stop, with growing pauses between attempts.
 * @param {import("./device.js").Device} device
 * @param {Listener} listener
 * @param {AbortSignal} signal
 */
export async function followSchedule(device, listener, signal) {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    let isGone = false;
    try {
      await listener.onBegin();
      isGone = await readOnce(device, { ...listener, onConnect: () => { attempt = 0; listener.onConnect(); } }, signal);
    } catch {
      if (signal.aborted) return;
    }
    await listener.onEnd(isGone);
    if (signal.aborted) return;
    listener.onLine(false);
    const pause = Math.min(LONGEST_PAUSE, 1000 * 2 ** attempt) * (0.5 + Math.random() / 2);
    const over = new AbortController();
    await Promise.race([delay(pause, signal), backOnline(over.signal)]).catch(() => {});
    over.abort();
  }
}

/**
 * Whether the stream ended with the word that this device is gone.
 * @param {import("./device.js").Device} device
 * @param {Listener} listener
 * @param {AbortSignal} signal
 */
async function readOnce(device, listener, signal) {
  const silent = new AbortController();
  let watch = setTimeout(() => silent.abort(), SILENCE);
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(() => silent.abort(), SILENCE);
    listener.onBytes();
  };
  try {
    const headers = { Accept: "text/event-stream" };
    const response = await device.fetch("/v1/device/schedule", { headers, signal: AbortSignal.any([signal, silent.signal]) });
    if (!response.ok || !response.body) throw new Error(`schedule: ${response.status}`);
    listener.onConnect();
    for await (const { event, data } of readEvents(response.body, alive)) {
      listener.onLine(true);
      if (event === "schedule") listener.onDocument(JSON.parse(data));
      if (event === "end") return true;
    }
    return false;
  } finally {
    clearTimeout(watch);
  }
}

/** @param {AbortSignal} signal @returns {Promise<void>} */
function backOnline(signal) {
  return new Promise((resolve) => window.addEventListener("online", () => resolve(), { once: true, signal }));
}

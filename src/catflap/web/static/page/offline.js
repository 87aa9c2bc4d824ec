// The page without a network: today's plan as it was last seen, and back to the real page when the network is.

import { byId } from "../lib/dom.js";
import { Format } from "../lib/format.js";
import { keptPlan } from "./kept_plan.js";
import { showAppointments } from "./lists.js";

const AGAIN = 10_000;

/** @type {{words: Record<string, string>, language: string}} */
const { words, language } = JSON.parse(byId("page-data", HTMLElement).textContent ?? "");
const format = new Format(words, language);

show();
window.addEventListener("online", () => location.reload());
setInterval(tryAgain, AGAIN);

function show() {
  const plan = keptPlan(Date.now());
  byId("plan", HTMLElement).hidden = plan === null;
  byId("no-plan", HTMLElement).hidden = plan !== null;
  if (!plan) return;
  format.zone = plan.zone;
  byId("plan-title", HTMLElement).textContent = format.day(plan.day);
  byId("plan-age", HTMLElement).textContent = format.word("offline_as_of", { time: format.time(plan.at) });
  showAppointments(byId("appointments", HTMLElement), plan.appointments, format, Date.now());
}

/** Browsers notice a cable, but not a server that is back. */
async function tryAgain() {
  show();
  if (document.hidden) return;
  const answers = await fetch(location.href, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answers) location.reload();
}

// Sentences for what went wrong with a call of our API, with what to do next.

import { Problem } from "../lib/api.js";

/**
 * @param {unknown} error
 * @param {import("../lib/format.js").Format} format
 * @param {string} [topic] keys `TOPIC_CODE` say more about a code than the general ones
 */
export function explain(error, format, topic = "failed") {
  if (!(error instanceof Problem)) return format.word("failed_offline");
  const known = [`${topic}_${error.code}`, `failed_${error.code}`].find((key) => format.has(key));
  if (known) return format.word(known);
  return error.status === 503 ? format.word("failed_away") : format.word("not_done");
}

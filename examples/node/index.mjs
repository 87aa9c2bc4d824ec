// Use any Google API while the user is away: Google's own Node.js client, its tokens from Catflap.
//
// npm install && node index.mjs http://127.0.0.1:8400 17 catflap_…
//
// The key needs the right `tokens`; the user must have allowed `calendar.events` and `drive.appdata`.
import { calendar as Calendar } from "@googleapis/calendar";
import { drive as Drive } from "@googleapis/drive";
import { OAuth2Client } from "google-auth-library";

const [catflap, user, key, google] = process.argv.slice(2);

const auth = new OAuth2Client();
// Called whenever the client has no live token; no refresh token ever comes here.
auth.refreshHandler = async () => {
  const url = new URL(`/v1/users/${user}/google/token`, catflap);
  url.searchParams.set("scopes", "calendar.events drive.appdata");
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${key}` } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.code}: ${body.detail}`);
  return { access_token: body.access_token, expiry_date: Date.parse(body.expires_at) };
};

// A sandbox's address in place of Google's own.
const place = google ? { rootUrl: google.replace(/\/?$/, "/") } : {};

const calendar = Calendar({ version: "v3", auth, ...place });
const start = Date.now() + 3600_000;
const event = {
  summary: "Feed the cat",
  start: { dateTime: new Date(start).toISOString() },
  end: { dateTime: new Date(start + 900_000).toISOString() },
};
const made = await calendar.events.insert({ calendarId: "primary", requestBody: event });
console.log("inserted:", made.data.id);

const drive = Drive({ version: "v3", auth, ...place });
let [file] = (await drive.files.list({ spaces: "appDataFolder", fields: "files(id)" })).data.files;
if (!file) {
  const media = { mimeType: "text/plain", body: "purr" };
  const requestBody = { name: "mood.txt", parents: ["appDataFolder"] };
  file = (await drive.files.create({ requestBody, media, fields: "id" }, place)).data;
}
const mood = await drive.files.get({ fileId: file.id, alt: "media" }, { responseType: "text" });
console.log("read:", mood.data);

// Better Auth with one expired Google account: `getAccessToken` for 50 callers at once, as its docs show.
// node index.mjs GOOGLE_URL CLIENT_ID CLIENT_SECRET REFRESH_TOKEN CALLS at-once|one-by-one
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { genericOAuth } from "better-auth/plugins";

const [google, clientId, clientSecret, refreshToken, calls, how] = process.argv.slice(2);
const now = new Date();
const db = {
  user: [{ id: "u1", name: "Anna", email: "anna@example.com", emailVerified: true, createdAt: now, updatedAt: now }],
  session: [],
  verification: [],
  account: [
    {
      id: "a1",
      userId: "u1",
      providerId: "sandbox",
      accountId: "1",
      accessToken: "expired",
      refreshToken,
      accessTokenExpiresAt: new Date(Date.now() - 60_000),
      scope: "openid,email",
      createdAt: now,
      updatedAt: now,
    },
  ],
};
const auth = betterAuth({
  baseURL: "http://localhost:3000",
  secret: "a-secret-of-a-benchmark-that-guards-nothing",
  database: memoryAdapter(db),
  logger: { disabled: true },
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: "sandbox",
          clientId,
          clientSecret,
          authorizationUrl: `${google}/o/oauth2/v2/auth`,
          tokenUrl: `${google}/token`,
        },
      ],
    }),
  ],
});
const ask = () => auth.api.getAccessToken({ body: { accountId: "a1", userId: "u1" } });
const outcomes = [];
if (how === "at-once") {
  outcomes.push(...(await Promise.allSettled(Array.from({ length: Number(calls) }, ask))));
} else {
  for (let n = 0; n < Number(calls); n++) outcomes.push(...(await Promise.allSettled([ask()])));
}
const failed = outcomes.filter((one) => one.status === "rejected");
console.log(JSON.stringify({ served: outcomes.length - failed.length, said: String(failed[0]?.reason ?? "") }));

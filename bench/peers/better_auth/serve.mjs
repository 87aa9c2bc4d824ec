// Better Auth as a service on PostgreSQL: `POST /api/auth/get-access-token` of users with a valid Google token.
// node serve.mjs PORT USERS, with the database in PGHOST, PGUSER, …; when it listens, it prints the cookie and the
// account of each user as JSON.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { symmetricEncrypt } from "better-auth/crypto";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";

const [port, users] = process.argv.slice(2);
const secret = "a-secret-of-a-benchmark-that-guards-nothing";
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret,
  database: new pg.Pool(),
  account: { encryptOAuthTokens: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  socialProviders: { google: { clientId: "bench", clientSecret: "bench" } },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const auth = betterAuth(options);
const { internalAdapter } = await auth.$context;

const made = [];
for (let number = 0; number < Number(users); number++) {
  const email = `user${number}@better-auth.example.com`;
  const user = await internalAdapter.createUser({ name: "Anna", email, emailVerified: true });
  const account = await internalAdapter.createAccount({
    userId: user.id,
    providerId: "google",
    issuer: "https://accounts.google.com",
    accountId: String(number),
    accessToken: await symmetricEncrypt({ key: secret, data: "ya29.".padEnd(128, "x") }),
    refreshToken: await symmetricEncrypt({ key: secret, data: "1//".padEnd(100, "x") }),
    accessTokenExpiresAt: new Date(Date.now() + 3_600_000),
    scope: "openid,email",
  });
  const { token } = await internalAdapter.createSession(user.id);
  const signature = createHmac("sha256", secret).update(token).digest("base64");
  const cookie = `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`;
  made.push({ cookie, account: account.id });
}
createServer(toNodeHandler(auth)).listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify(made)));

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, expect, test } from "vitest";
import { createSimulator } from "../../sandbox/cometchat/index.ts";
import { APP, makeSecrets, sandboxVars, writeDeployment } from "../../sandbox/deployment.ts";
import { startGateway } from "../../sandbox/gateway.ts";
import { listen } from "../../sandbox/server.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);
const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open.reverse()) await close();
});

test("the first sign-in of a migrated user needs one call, a mint", async () => {
  const secrets = makeSecrets();
  const { COMETCHAT_API_KEY } = secrets;
  const simulator = createSimulator({ ...APP, keys: { [COMETCHAT_API_KEY]: "fullAccess" }, sampleUsers: false });
  const listener = await listen(simulator.fetch, 0);
  open.push(listener.close);
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const issuer = {
    ...{ issuer: "https://idp.example", audience: ["chat"], publicKey: JSON.stringify(await exportJWK(publicKey)) },
    ...{ algorithms: ["ES256"], profile: { name: "name", avatar: "picture", metadata: { plan: "plan" } } },
  };
  const vars = sandboxVars(new URL(`http://127.0.0.1:${listener.port}`), issuer.issuer);
  const deployment = await writeDeployment({ ...vars, SESSION_ISSUERS: [issuer] }, secrets);
  open.push(deployment.remove);

  const cwd = dirname(deployment.configPath);
  const rows = [
    {
      subject: "auth0|one",
      name: "One",
      avatar: "https://img.example/1.png",
      metadata: { plan: "pro" },
      tags: ["vip"],
    },
    { subject: "two", name: "Two" },
  ];
  writeFileSync(join(cwd, "users.json"), JSON.stringify(rows));
  const config = ["--config", deployment.configPath];
  const migrate = [join(ROOT, "src/commands/migrate/index.ts"), "users.json", "--kv", "kv.json", ...config];
  await run(process.execPath, migrate, { cwd });
  // This is the command that the summary prints, for the local KV.
  const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const put = ["kv", "bulk", "put", "kv.json", "--binding", "USERS", "--local", "--persist-to", deployment.statePath];
  const env = { ...process.env, HOME: deployment.homePath, XDG_CONFIG_HOME: deployment.homePath };
  await run(process.execPath, [wrangler, ...put, ...config], { cwd, env: { ...env, WRANGLER_SEND_METRICS: "false" } });

  const gateway = await startGateway(deployment, 0);
  open.push(gateway.stop);
  simulator.journal.clear();
  for (const { subject, name, avatar, metadata } of rows) {
    const session = await new SignJWT({ name, picture: avatar, ...metadata })
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer(issuer.issuer)
      .setSubject(subject)
      .setAudience("chat")
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    const answer = await fetch(new URL("/v1/token", gateway.url), {
      method: "POST",
      headers: { authorization: `Bearer ${session}` },
    });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ created: false });
  }
  // An update of the profile after the answer would be made before this request is answered.
  await fetch(new URL("/healthz", gateway.url));
  await gateway.stop();
  expect(simulator.journal.entries.map(({ call }) => call)).toEqual(["mint", "mint"]);
});

import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { createSimulator } from "../sandbox/cometchat/index.ts";
import { APP, makeSecrets, sandboxVars } from "../sandbox/deployment.ts";
import { createProvider } from "../sandbox/provider/index.ts";
import { listen } from "../sandbox/server.ts";
import { chart, duration } from "./chart.ts";
import { type Answer, type Outcome, quantile, seeded, soak } from "./drive.ts";
import { startGateway } from "./gateway.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MIB = 2 ** 20;
/** The most bytes by which the heap in the last third of the run may exceed that in the second. */
const GROWTH = 4 * MIB;

const users = number("SOAK_USERS", 2_000);
const signIns = number("SOAK_SIGN_INS", 20_000);
const concurrency = number("SOAK_CONCURRENCY", 32);
const seed = number("SOAK_SEED", 1);

/**
 * `npm run soak` runs the Worker as it is deployed, behind real sockets. One in ten of CometChat's answers and of KV's
 * operations fails.
 */
const random = seeded(seed);
const secrets = makeSecrets();
const simulator = createSimulator({
  ...APP,
  keys: { [secrets.COMETCHAT_API_KEY]: "fullAccess" },
  sampleUsers: false,
  random,
  latency: () => 20 + random() * 40,
  // A fast machine would exceed CometChat's 10,000 calls a minute. That limit has tests of its own.
  rateLimits: { core: 1_000_000, standard: 1_000_000, import: 60 },
});
const closing: (() => Promise<void>)[] = [];
quietResets();
try {
  let site = async (_: Request): Promise<Response> => new Response(null, { status: 503 });
  const listener = await listen((request) => site(request), 0);
  closing.push(listener.close);
  const address = new URL(`http://127.0.0.1:${listener.port}`);
  const provider = createProvider({ issuer: new URL("/idp", address).href });
  site = (request) =>
    new URL(request.url).pathname.startsWith("/idp") ? provider.fetch(request) : simulator.fetch(request);
  const main = join(import.meta.dirname, "worker.ts");
  const gateway = await startGateway(main, sandboxVars(address, provider.issuer), secrets);
  closing.push(gateway.stop);
  // The sessions are signed before the measurement begins.
  const sessions = new Map<string, string>();
  for (let n = 0; n < users; n++)
    sessions.set(`user-${n}`, await provider.issue({ subject: `user-${n}`, expiresIn: 24 * 3600 }));

  const memory: number[] = [];
  const measuring: Promise<unknown>[] = [];
  const trial = {
    users,
    signIns,
    concurrency,
    faulty: 0.1,
    random,
    patience: (seconds: number) => seconds * 1_000,
    progress(done: number) {
      if (done % Math.ceil(signIns / 30) !== 0) return;
      measuring.push(gateway.heap().then((bytes) => memory.push(bytes)));
      if (process.stdout.isTTY) process.stdout.write(`\r${done.toLocaleString("en")} sign-ins`);
    },
  };
  const outcome = await soak(trial, simulator, (subject) => ask(gateway.url, sessions.get(subject) ?? ""));
  if (process.stdout.isTTY) process.stdout.write("\r");
  await Promise.all(measuring);
  const wrong = judge(outcome, memory);
  const facts = summary(outcome, memory);
  console.log(facts.join("\n"));
  await mkdir(join(ROOT, "docs"), { recursive: true });
  await writeFile(join(ROOT, "docs/soak.svg"), chart(outcome, facts.slice(0, 3)));
  console.log("Drawn in docs/soak.svg.");
  for (const line of wrong) console.error(`WRONG: ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  for (const close of closing.reverse()) await close();
}

/** Hides the errors that the server logs for the connections that a fault cuts. */
function quietResets(): void {
  const log = console.error;
  console.error = (...values: unknown[]) => {
    if (!(values[0] instanceof Error && values[0].name === "ConnectionReset")) log(...values);
  };
}

async function ask(gateway: URL, session: string): Promise<Answer> {
  const response = await fetch(new URL("/v1/token", gateway), {
    method: "POST",
    headers: { authorization: `Bearer ${session}` },
  });
  const { code, uid, authToken } = (await response.json()) as Partial<Answer>;
  const retryAfter = response.headers.get("retry-after");
  return {
    status: response.status,
    ...(code === undefined ? {} : { code }),
    ...(uid === undefined ? {} : { uid }),
    ...(authToken === undefined ? {} : { authToken }),
    ...(retryAfter === null ? {} : { retryAfter: Number(retryAfter) }),
  };
}

/** The requirements that the outcome does not meet. */
function judge(outcome: Outcome, memory: readonly number[]): string[] {
  const { answers, lost, strangers, missing, wrongTokens } = outcome;
  const wrong: string[] = [];
  const must = (holds: boolean, text: string) => {
    if (!holds) wrong.push(text);
  };
  must(lost === 0, `${lost} sign-ins were lost`);
  must(missing.length === 0, `${missing.length} users are missing in CometChat`);
  must(strangers.length === 0, `${strangers.length} users are in CometChat that nobody signed in as`);
  must(wrongTokens === 0, `${wrongTokens} tokens are not the user's`);
  for (const [answer, count] of Object.entries(answers)) {
    must(/^(201$|503 |504 )/.test(answer), `${count} answers were ${answer}`);
  }
  const grown = growth(memory);
  must(grown < GROWTH, `the heap grew by ${Math.round(grown / MIB)} MiB`);
  return wrong;
}

/** The growth of the heap from the second third of the run to the last. In the first third, caches are filled. */
function growth(memory: readonly number[]): number {
  const third = Math.floor(memory.length / 3);
  const middle = (part: readonly number[]) =>
    quantile(
      [...part].sort((a, b) => a - b),
      0.5,
    );
  return middle(memory.slice(2 * third)) - middle(memory.slice(third, 2 * third));
}

function summary(outcome: Outcome, memory: readonly number[]): string[] {
  const { good, bad, calls, first, later, lost, faults, seconds } = outcome;
  const count = (value: number) => value.toLocaleString("en");
  const asked = Object.values(calls).reduce((sum, each) => sum + each, 0);
  const share = (value: number) => `${((100 * value) / signIns).toFixed(2)} %`;
  const at = (...shares: number[]) =>
    shares.map((each) => `p${each * 100} ${duration(quantile(good, each))}`).join(", ");
  const grown = growth(memory);
  return [
    `${count(signIns)} sign-ins of ${count(users)} users, while one answer of CometChat's in ten is faulty`,
    `${share(first)} had their token at the first try, ${count(later)} sign-ins at a later one, ${count(lost)} never. No 401, no 500, no second user.`.replace(
      "No 401, no 500, no second user.",
      verdict(outcome),
    ),
    `${count(asked)} calls to CometChat, ${count(asked - signIns)} more than sign-ins; ${count(faults)} of them failed by design`,
    `Answers with a token: ${at(0.5, 0.9, 0.99, 0.999)}, longest ${duration(good.at(-1) ?? 0)}; CometChat is simulated with 20 to 60 ms`,
    `Answers without: ${bad.length === 0 ? "none" : `${count(bad.length)}, longest ${duration(bad.at(-1) ?? 0)}`} (${Object.entries(
      outcome.answers,
    )
      .map(([answer, times]) => `${count(times)} × ${answer}`)
      .join(", ")})`,
    `Calls: ${Object.entries(calls)
      .map(([call, times]) => `${count(times)} ${call}`)
      .join(", ")}`,
    `Heap of the Worker after a collection: ${size(Math.min(...memory))} to ${size(Math.max(...memory))}, in the last third ${grown < 0 ? "−" : "+"}${size(Math.abs(grown))} over the second`,
    `One in ten KV operations and one in a hundred rate-limit checks failed as well. Seed ${seed}, ${concurrency} at a time, ${seconds.toFixed(0)} s, ${availableParallelism()} CPU cores shared by the gateway, the simulator and the clients`,
  ];
}

function size(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

function verdict({ answers, strangers, missing, wrongTokens }: Outcome): string {
  const odd = Object.keys(answers).filter((answer) => !/^(201$|503 |504 )/.test(answer));
  return odd.length + strangers.length + missing.length + wrongTokens === 0
    ? "No 401, no 500, no duplicate."
    : "See below.";
}

function number(name: string, otherwise: number): number {
  const text = process.env[name];
  return text && /^\d+$/.test(text) ? Number(text) : otherwise;
}

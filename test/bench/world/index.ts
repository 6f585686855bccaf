import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { installClock } from "../../support/clock.ts";
import { bars, curves } from "../svg.ts";
import { about, number, table } from "../tables.ts";
import { createChance, percentile } from "./chance.ts";
import { CITIES, type City, ROUND_TRIP, UPSTREAMS, type Upstream } from "./facts.ts";
import { limits, month, personDay } from "./growth.ts";
import { roundTrips } from "./placement.ts";
import { COMETCHAT_LIMIT } from "./prices.ts";
import { type Met, type Outcome, signIns, type Variant } from "./signins.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const users = Number(values.users);
const out = values.out ?? new URL("../../../docs/", import.meta.url).pathname;

const cities = CITIES.map(({ city }) => city);
const clock = installClock(Date.UTC(2026, 10, 25, 12));

/** Each run has its own random numbers, so an additional run does not change the others. */
const run = (variant: Variant, upstream: Upstream, among: readonly City[], people: number): Promise<Outcome> =>
  signIns(variant, upstream, among, people, clock, createChance(Number(values.seed)));

async function times() {
  const server = await run("server", "us", cities, users);
  const fresh = await run("fresh", "us", cities, users);
  const least = await run("least", "us", cities, users);
  const recorded = await run("recorded", "us", cities, Math.min(users, 40));
  const reuse = await run("reuse", "us", cities, users);
  return { server, least, fresh, recorded, reuse };
}

const at = (outcome: Outcome, city: City, when: keyof Met, share: number): number =>
  percentile(outcome.met.get(city)?.[when] ?? [], share);
const pair = (outcome: Outcome, city: City, when: keyof Met): string =>
  `${number(at(outcome, city, when, 0.5))} / ${number(at(outcome, city, when, 0.99))}`;

const print = (title: string, text: string) => console.log(`\n## ${title}\n\n${text}`);

const { server, least, fresh, recorded, reuse } = await times();
print(
  "Time to token, app in us (Ohio): p50 / p99 in ms",
  table(
    ["City", "Server in Ohio, first", "later", "Gateway, first", "later", "edge and one call", "later, `reuse`"],
    cities.map((city) => [
      city,
      pair(server, city, "first"),
      pair(server, city, "later"),
      pair(fresh, city, "first"),
      pair(fresh, city, "later"),
      pair(least, city, "later"),
      pair(reuse, city, "later"),
    ]),
  ),
);

const nearest = (city: City): Upstream =>
  UPSTREAMS.reduce((best, upstream) => (ROUND_TRIP[upstream][city] < ROUND_TRIP[best][city] ? upstream : best));
const regional: (string | number)[][] = [];
for (const upstream of UPSTREAMS) {
  const among = cities.filter((city) => nearest(city) === upstream);
  const people = Math.min(users, 100);
  const outcomes = [
    await run("server", upstream, among, people),
    await run("fresh", upstream, among, people),
    await run("reuse", upstream, among, people),
  ];
  for (const city of among) {
    regional.push([city, upstream, ...outcomes.map((outcome) => number(at(outcome, city, "later", 0.5)))]);
  }
}
print(
  "Time to token, each city's app in the nearest region: p50 in ms of a later sign-in",
  table(["City", "App", "Server in Ohio", "Gateway", "`reuse`"], regional),
);

print(
  "Operations of one sign-in, counted",
  table(
    ["Sign-in", "CometChat calls", "KV reads", "KV writes", "Durable Object requests", "rows written"],
    (
      [
        ["fresh, first", fresh.cost.first],
        ["fresh, new session", fresh.cost.anew],
        ["fresh, same session", fresh.cost.later],
        ["fresh with `TOKEN_ENCRYPTION_KEY`, first", recorded.cost.first],
        ["fresh with `TOKEN_ENCRYPTION_KEY`, new session", recorded.cost.anew],
        ["fresh with `TOKEN_ENCRYPTION_KEY`, same session", recorded.cost.later],
        ["`reuse`, first", reuse.cost.first],
        ["`reuse`, new session", reuse.cost.anew],
        ["`reuse`, same session", reuse.cost.later],
      ] as const
    ).map(([name, { cometchat, kvReads, kvWrites, ledger, rowsWritten }]) => [
      name,
      ...[cometchat, kvReads, kvWrites, ledger, rowsWritten].map((value) => number(value, 2)),
    ]),
  ),
);

const days = { fresh: personDay(fresh), reuse: personDay(reuse) };
const sizes = [1e3, 1e4, 1e5, 1e6, 1e7];
const months = sizes.map((daily) => ({
  fresh: month(daily, days.fresh, fresh.bytes),
  reuse: month(daily, days.reuse, reuse.bytes),
}));
print(
  "Growth",
  table(
    [
      "People a day",
      "",
      "CometChat calls/min, peak",
      "KV reads/month",
      "KV writes",
      "Durable Object requests",
      "$/month",
    ],
    months.flatMap((both) =>
      (["fresh", "reuse"] as const).map((mode) => {
        const { daily, callsPerMinute, use, dollars } = both[mode];
        const over = callsPerMinute > COMETCHAT_LIMIT.paid ? " **over**" : "";
        const counts = [use.kvReads, use.kvWrites, use.ledgerRequests].map(about);
        return [number(daily), mode, `${about(callsPerMinute)}${over}`, ...counts, about(dollars)];
      }),
    ),
  ),
);
const [freshLimits, reuseLimits] = [limits(days.fresh), limits(days.reuse)];
print(
  "Where each limit is met, in people a day",
  table(
    ["Limit", "fresh", "reuse"],
    freshLimits.map(({ limit, people }, index) => [limit, about(people), about(reuseLimits[index]?.people ?? 0)]),
  ),
);
const largest = months.at(-1);
if (largest) {
  const names = Object.keys(largest.fresh.lines) as (keyof typeof largest.fresh.lines)[];
  print(
    `The bill for ${number(largest.fresh.daily)} people a day, in $ a month`,
    table(
      ["", "fresh", "reuse"],
      names.map((name) => [name, about(largest.fresh.lines[name]), about(largest.reuse.lines[name])]),
    ),
  );
}

print(
  "Nearest location or placement hint: round trips in ms, app in us",
  table(
    ["City", "refusal or `reuse`: nearest", "placed", "one call: nearest", "placed", "two calls: nearest", "placed"],
    (["London", "São Paulo", "Sydney"] as const).map((city) => [
      city,
      ...[0, 1, 2].flatMap((calls) => {
        const { edge, placed } = roundTrips(city, "us", calls);
        return [number(edge), number(placed)];
      }),
    ]),
  ),
);

await mkdir(out, { recursive: true });
await writeFile(
  `${out}/world.svg`,
  bars(
    "Time to token of a later sign-in by city, app in Ohio: median, and a line to the 99th percentile",
    ["Server in Ohio", "Gateway, fresh", "Gateway, reuse"],
    cities.map((city) => ({
      name: city,
      bars: [server, fresh, reuse].map((outcome) => ({
        p50: at(outcome, city, "later", 0.5),
        p99: at(outcome, city, "later", 0.99),
      })),
    })),
  ),
);
await writeFile(
  `${out}/growth.svg`,
  curves(
    "CometChat calls in the busiest minute by people a day",
    (["fresh", "reuse"] as const).map((mode) => ({
      name: `Gateway, ${mode}`,
      points: months.map((both) => [both[mode].daily, both[mode].callsPerMinute] as const),
    })),
    { value: COMETCHAT_LIMIT.paid, name: "CometChat: 10,000 calls a minute and app" },
    "people a day",
  ),
);
clock.restore();

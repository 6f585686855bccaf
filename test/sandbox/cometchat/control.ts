import * as z from "zod/mini";
import { type Faults, faultSchema } from "./faults.ts";
import type { Journal } from "./journal.ts";
import { patchSchema, type Switches } from "./options.ts";
import type { World } from "./world.ts";

const open = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET,POST,PATCH,DELETE",
  "access-control-allow-headers": "content-type",
  "cache-control": "no-store",
};

/**
 * English messages for the errors of one call. A global locale of zod would also apply to the gateway in this process.
 */
const inWords = { error: z.locales.en().localeError };

export interface Controls {
  world: World;
  journal: Journal;
  faults: Faults;
  set: (switches: Switches) => void;
  reset: () => void;
}

/**
 * Answers `/_sim/…`, by which the demo page, or a person with curl, reads and changes the simulator. Every origin may
 * call it, since the sandbox listens on the loopback address only. No answer contains an API key.
 */
export async function control(request: Request, path: string, controls: Controls): Promise<Response> {
  const { world, journal, faults, set, reset } = controls;
  const route = `${request.method} ${path}`;
  if (request.method === "OPTIONS") return answer(204);
  if (route === "GET /_sim/state") {
    const users = world.users.all().map((user) => ({ ...user, tokens: world.tokens.of(user.uid).length }));
    const { appId, region } = world;
    const recent = journal.entries.slice(-50);
    return answer(200, { appId, region, users, options: shown(world), faults: faults.list(), journal: recent });
  }
  if (route === "GET /_sim/journal") return answer(200, journal.entries);
  if (route === "POST /_sim/reset") {
    reset();
    return answer(204);
  }
  if (route === "POST /_sim/faults") {
    const parsed = faultSchema.safeParse(await parse(request), inWords);
    return parsed.success ? answer(201, { id: faults.add(parsed.data) }) : wrong(parsed.error);
  }
  if (route === "PATCH /_sim/options") {
    const parsed = patchSchema.safeParse(await parse(request), inWords);
    if (!parsed.success) return wrong(parsed.error);
    set(Object.fromEntries(Object.entries(parsed.data).map(([name, value]) => [name, value ?? undefined])));
    return answer(200, shown(world));
  }
  if (route === "DELETE /_sim/faults") {
    faults.clear();
    return answer(204);
  }
  const id = /^DELETE \/_sim\/faults\/([\w-]+)$/.exec(route)?.[1];
  if (id && faults.remove(id)) return answer(204);
  return answer(404, { errors: [`There is no ${route}.`] });
}

function shown({ switches }: World) {
  return { ...switches, latency: typeof switches.latency === "function" ? "varies" : (switches.latency ?? 0) };
}

async function parse(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    return undefined;
  }
}

function wrong(error: z.core.$ZodError): Response {
  return answer(400, {
    errors: error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": ")),
  });
}

function answer(status: number, body?: unknown): Response {
  if (body === undefined) return new Response(null, { status, headers: open });
  return new Response(JSON.stringify(body), { status, headers: { ...open, "content-type": "application/json" } });
}

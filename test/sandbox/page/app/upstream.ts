import { createStore } from "./store.ts";
import { simulator } from "./wire.ts";

interface Call {
  id: number;
  at: number;
  surface: "rest" | "client";
  call: string;
  method: string;
  path: string;
  status?: number;
  outcome?: string;
}

export interface Upstream {
  users: { uid: string; name: string; tokens: number; deactivatedAt?: number; tags?: string[] }[];
  journal: Call[];
  faults: { id: string; match: string; effect: { kind: string } }[];
  outage: string;
}

/** The state of the simulated CometChat and of the simulated identity provider. */
export const upstream = createStore<Upstream>({ users: [], journal: [], faults: [], outage: "none" });

export async function look(): Promise<void> {
  const [state, provider] = await Promise.all(
    ["/_sim/state", "/idp/_sim/outage"].map(async (path) => (await fetch(simulator + path)).json()),
  );
  upstream.set({ ...state, outage: provider.outage });
}

/** Reads the state every two seconds while the page is visible. */
export function keepWatching(): void {
  const again = () => void look().catch(() => undefined);
  again();
  setInterval(() => document.visibilityState === "visible" && again(), 2000);
  document.addEventListener("visibilitychange", again);
}

export async function addFault(fault: Record<string, unknown>): Promise<void> {
  await send("POST", "/_sim/faults", fault);
}

export async function removeFault(id: string): Promise<void> {
  await send("DELETE", `/_sim/faults/${id}`);
}

export async function setOutage(outage: string): Promise<void> {
  await send("PUT", "/idp/_sim/outage", { outage });
}

async function send(method: string, path: string, body?: unknown): Promise<void> {
  await fetch(simulator + path, {
    method,
    ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
}

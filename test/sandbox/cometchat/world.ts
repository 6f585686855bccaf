import type { Chats } from "./chats.ts";
import type { SimulatorOptions, Switches } from "./options.ts";
import type { Tokens } from "./tokens.ts";
import type { Users } from "./users.ts";

/** What the handlers share. One world per simulator: nothing lives outside of it. */
export interface World {
  appId: string;
  region: string;
  switches: Switches;
  now: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  users: Users;
  tokens: Tokens;
  chats: Chats;
  roles: Set<string>;
  onUser: SimulatorOptions["onUser"];
  onMessage: SimulatorOptions["onMessage"];
}

/** CometChat's times are 10-digit Unix seconds (documented). */
export function seconds(world: Pick<World, "now">): number {
  return Math.floor(world.now() / 1000);
}

import type { Chats } from "./chats.ts";
import type { SimulatorOptions, Switches } from "./options.ts";
import type { Tokens } from "./tokens.ts";
import type { Users } from "./users.ts";

/** The state and settings that all calls of one simulator share. Each simulator has its own. */
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

/** The time in Unix seconds, which all of CometChat's times are (documented). */
export function seconds(world: Pick<World, "now">): number {
  return Math.floor(world.now() / 1000);
}

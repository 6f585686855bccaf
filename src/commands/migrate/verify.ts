import { fields as profileFields } from "../../cometchat/fields.ts";
import type { User as ChatUser } from "../../cometchat/types.ts";
import { REQUEST_MS } from "../../limits.ts";
import { contextFor } from "../context.ts";
import type { Channel } from "./deliver.ts";
import { withRetries } from "./patience.ts";
import type { User } from "./user.ts";

/** How many users are read back. */
const SAMPLE = 100;

/** A random sample in which each user is equally likely, however many there are (Vitter's algorithm R). */
export class Sample {
  readonly users: User[] = [];
  #seen = 0;

  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  add(user: User): void {
    this.#seen += 1;
    if (this.users.length < SAMPLE) this.users.push(user);
    else {
      const place = Math.floor(this.#random() * this.#seen);
      if (place < SAMPLE) this.users[place] = user;
    }
  }
}

export interface Difference {
  readonly uid: string;
  /** The fields that differ; `uid` if CometChat does not have the user. */
  readonly fields: readonly string[];
}

/**
 * Reads users back from CometChat and compares them with the input. Tags and private metadata are not compared, since
 * CometChat's answer does not contain them. Rejects with `Unavailable` or `Stopped`.
 */
export async function verify(
  users: readonly User[],
  channels: ReadonlyMap<string, Channel>,
  progress: (users: number) => void,
): Promise<readonly Difference[]> {
  const differences: Difference[] = [];
  for (const [index, user] of users.entries()) {
    progress(index);
    const channel = channels.get(user.app);
    if (!channel) continue;
    const got = await withRetries(() => channel.chat.get(user.uid, contextFor(channel, REQUEST_MS)), channel);
    const fields = got.ok ? differing(user, got.value) : ["uid"];
    if (fields.length > 0) differences.push({ uid: user.uid, fields });
  }
  return differences;
}

function differing({ profile }: User, found: ChatUser): string[] {
  const fields: string[] = profileFields
    .map(([field]) => field)
    .filter((field) => typeof profile[field] === "string" && profile[field] !== found[field]);
  const { "@private": _, ...metadata } = profile.metadata ?? {};
  const other = found.metadata ?? {};
  if (Object.entries(metadata).some(([key, value]) => canonical(value) !== canonical(other[key])))
    fields.push("metadata");
  return fields;
}

/** JSON with the keys of each object sorted, so that two values can be compared. */
const canonical = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

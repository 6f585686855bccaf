import type { Deadline } from "./context.ts";
import { ATTEMPT_LEFT_MS } from "./limits.ts";

/** Waits some milliseconds. False if the request then has no time for another call; in that case it does not wait. */
export async function pause(ms: number, deadline: Deadline): Promise<boolean> {
  if (deadline.left() < ms + ATTEMPT_LEFT_MS) return false;
  await new Promise((resolve) => setTimeout(resolve, ms));
  return true;
}

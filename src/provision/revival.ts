import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { REVIVAL_POLL_MS } from "../limits.ts";
import type { Result } from "../result.ts";
import { pause } from "./pause.ts";

/**
 * Brings a deactivated user back, one request at a time, in whichever isolate it is: the flush that belongs to it would
 * end the token that another request has just been given. `revive` is told whether another one has done it since this
 * request began. Where the user's object does not answer, it is done all the same.
 */
export async function revival<T>(
  uid: string,
  revive: (done: boolean) => Promise<Result<T, GatewayError>>,
  { home }: Pick<Ledgers, "home">,
  context: Context,
): Promise<Result<T, GatewayError>> {
  const left = () => context.deadline.left();
  const begin = () => home(uid, (home) => home.beginRevival(left()), left());
  let begun = await begin();
  while (begun.ok && begun.value === undefined && (await pause(REVIVAL_POLL_MS, context))) begun = await begin();
  // Both are durations, so that no two clocks are compared.
  const revived = await revive(begun.ok && (begun.value ?? 0) <= context.timing.stages().total);
  // After a failure the user is deactivated again: nobody else begins before this request is over.
  if (revived.ok) context.after("revival", (later) => home(uid, (home) => home.endRevival(), later.deadline.left()));
  return revived;
}

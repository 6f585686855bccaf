import { type Context, pause } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { REVIVAL_POLL_MS } from "../limits.ts";
import type { Result } from "../result.ts";

/**
 * Lets one request at a time, of all isolates, reactivate a user. Otherwise the flush of one request would end the token
 * that another one has just returned. `revive` gets whether another request has reactivated the user since this one
 * began. If the user's object does not answer, `revive` is called nevertheless.
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
  while (begun.ok && begun.value === undefined && (await pause(REVIVAL_POLL_MS, context.deadline)))
    begun = await begin();
  // Both numbers are durations, so that the clocks of isolate and object are not compared.
  const revived = await revive(begun.ok && (begun.value ?? 0) <= context.timing.stages().total);
  // After a failure the user is deactivated again, and no other request may begin before this one has ended.
  if (revived.ok) context.after("revival", (later) => home(uid, (home) => home.endRevival(), later.deadline.left()));
  return revived;
}

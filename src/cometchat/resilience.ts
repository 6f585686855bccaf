import type { Context } from "../context.ts";
import type { GatewayError } from "../errors.ts";
import { ATTEMPT_MS } from "../limits.ts";
import type { Result } from "../result.ts";
import type { Call, Client } from "./client.ts";

export type Send = <T>(call: Call<T>, context: Context) => Promise<Result<T, GatewayError>>;

export function createSend(client: Client): Send {
  return async (call, { deadline }) => (await client(call, deadline, Math.min(ATTEMPT_MS, deadline.left()))).result;
}

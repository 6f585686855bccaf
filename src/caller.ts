import { limit } from "./admission/ratelimit.ts";
import type { Context, Deps } from "./context.ts";
import type { GatewayError } from "./errors.ts";
import { type Identity, identityOf } from "./identity/identity.ts";
import { ok, type Result } from "./result.ts";
import type { Credential } from "./session/extract.ts";
import type { Session } from "./session/session.ts";
import type { Verifier } from "./session/verify.ts";

export interface Caller extends Identity {
  readonly session: Session;
}

/** The parts of the gateway that identify a caller. */
export interface CallerParts {
  readonly verifier: Pick<Verifier, "verify">;
  readonly limits: { readonly user: RateLimit };
  readonly deps: Pick<Deps, "log">;
}

/**
 * Identifies the caller: verifies the session and derives uid and profile. Sign-ins and sign-outs of a user have
 * separate rate limits, so that a user who asked for too many tokens can still sign out.
 */
export async function callerOf(
  credential: Credential,
  wants: "in" | "out",
  { verifier, limits, deps }: CallerParts,
  context: Context,
): Promise<Result<Caller, GatewayError>> {
  const verified = await context.timing.measure("session", () => verifier.verify(credential, context));
  if (!verified.ok) return verified;
  const session = verified.value;
  const identified = await identityOf(session);
  if (!identified.ok) return identified;
  const { uid } = identified.value;
  // A uid never contains a colon, so the keys of sign-ins and sign-outs differ.
  const allowed = await limit(
    limits.user,
    wants === "in" ? uid : `out:${uid}`,
    "user-limited",
    deps,
    context.deadline.timer,
  );
  return allowed.ok ? ok({ session, ...identified.value }) : allowed;
}

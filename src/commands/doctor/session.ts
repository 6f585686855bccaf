import type { Config } from "../../config/types.ts";
import type { Context, Deps } from "../../context.ts";
import type { Reason } from "../../errors.ts";
import { fallbackName, profileOf } from "../../identity/profile.ts";
import { uidOf } from "../../identity/uid.ts";
import { place } from "../../placement/placement.ts";
import { inspect, type Json } from "../../session/compact.ts";
import { createVerifier } from "../../session/verify.ts";
import { hasKey } from "./keys.ts";
import { sentenceOf } from "./refusal.ts";
import type { SessionReport } from "./report.ts";

/** What a sign-in with this session would come to, but for CometChat. */
export async function checkSession(
  token: string,
  { config, deps, kv, context }: { config: Config; deps: Deps; kv: KVNamespace; context: Context },
): Promise<SessionReport> {
  const { issuers } = config;
  const compact = inspect(token);
  const { header, claims }: { header: Json; claims: Json } = compact.ok ? compact.value : { header: {}, claims: {} };
  const refuse = (reason: Reason): SessionReport => {
    const issuer = issuers.find((one) => one.issuer === claims.iss);
    if (reason === "signature-wrong" && issuer && !hasKey(issuer)) {
      return {
        accepted: false,
        reason: "Its signature could not be tried: the HMAC key that secret names is not set.",
      };
    }
    return {
      accepted: false,
      reason: sentenceOf(reason, { token, header, claims, issuer, issuers, now: context.now }),
    };
  };
  const verifier = createVerifier({ issuers, deps, kv });
  const verified = await verifier.verify({ token, from: "bearer", issuers: undefined }, context);
  if (!verified.ok) return refuse(verified.error.reason);
  const { issuer, subject } = verified.value;
  const uid = await uidOf(issuer, subject);
  if (!uid.ok) return refuse(uid.error.reason);
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return refuse(placed.error.reason);
  const app = placed.value.by === "configuration" ? placed.value.app : placed.value.candidate;
  const { profile } = profileOf(issuer, claims);
  return {
    accepted: true,
    uid: uid.value,
    app,
    profile: { ...profile, name: profile.name ?? fallbackName(claims, uid.value) },
  };
}

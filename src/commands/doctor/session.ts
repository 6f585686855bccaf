import type { Config } from "../../config/types.ts";
import type { Context, Deps } from "../../context.ts";
import type { Reason } from "../../errors.ts";
import { fallbackName, profileOf } from "../../identity/profile.ts";
import { uidOf } from "../../identity/uid.ts";
import { place } from "../../placement/placement.ts";
import { inspect, type Json } from "../../session/compact.ts";
import type { Issuer } from "../../session/issuer.ts";
import { createVerifier } from "../../session/verify.ts";
import { hasKey } from "./keys.ts";
import { sentenceOf } from "./refusal.ts";
import { advised, type Check, quoted, type SessionReport } from "./report.ts";

interface Checked {
  readonly session: SessionReport;
  readonly checks: readonly Check[];
}

/** Checks a session as a sign-in would, up to the call to CometChat. */
export async function checkSession(
  token: string,
  { config, deps, kv, context }: { config: Config; deps: Deps; kv: KVNamespace; context: Context },
): Promise<Checked> {
  const { issuers } = config;
  const compact = inspect(token);
  const { header, claims }: { header: Json; claims: Json } = compact.ok ? compact.value : { header: {}, claims: {} };
  const refuse = (reason: Reason): Checked => {
    const issuer = issuers.find((one) => one.issuer === claims.iss);
    const untried = reason === "signature-wrong" && issuer !== undefined && !hasKey(issuer);
    const why = untried
      ? "The signature could not be checked, since the secret with the HMAC key is not set."
      : sentenceOf(reason, { token, header, claims, issuer, issuers, now: context.now });
    return { session: { accepted: false, reason: why }, checks: [] };
  };
  const verifier = createVerifier({ issuers, deps, kv });
  const verified = await verifier.verify({ token, from: "bearer", issuers: undefined }, context);
  if (!verified.ok) return refuse(verified.error.reason);
  const { issuer, subject } = verified.value;
  const uid = await uidOf(issuer, subject);
  if (!uid.ok) return refuse(uid.error.reason);
  const placed = place(config, issuer, claims, {});
  if (!placed.ok) return refuse(placed.error.reason);
  const { app } = placed.value;
  const { profile, dropped } = profileOf(issuer, claims);
  const name = profile.name ?? fallbackName(claims, uid.value);
  return {
    session: { accepted: true, uid: uid.value, app, profile: { ...profile, name } },
    checks: [...nameAdvice(issuer, profile.name, name), ...droppedAdvice(dropped)],
  };
}

function nameAdvice({ profile }: Issuer, found: string | undefined, name: string): Check[] {
  if (found !== undefined) return [];
  return [
    advised(
      "profile",
      `the session has no ${profile.name} (profile.name), so the user gets the name ${quoted(name)}`,
      'Let the provider put a name into its sessions, or name the claim that has it: profile = { name = "…" }.',
    ),
  ];
}

function droppedAdvice(dropped: readonly string[]): Check[] {
  if (dropped.length === 0) return [];
  return [
    advised(
      "profile",
      `the gateway leaves out ${dropped.join(", ")}, since CometChat would refuse the value`,
      "Compare the claims that profile names with CometChat's limits.",
    ),
  ];
}

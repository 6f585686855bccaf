import type { Context, Deps } from "../../context.ts";
import { JWKS_KEYS, KEYS_REFRESH_MS, RSA_BITS, RSA_BITS_MOST } from "../../limits.ts";
import type { Algorithm } from "../../session/algorithms.ts";
import { algorithms } from "../../session/algorithms.ts";
import { discoveryAddress } from "../../session/discovery.ts";
import { fetchDocument } from "../../session/document.ts";
import type { Issuer } from "../../session/issuer.ts";
import { keyFromJwk, publicJwk } from "../../session/jwk.ts";
import { createVerifier } from "../../session/verify.ts";
import { isObject } from "../../shape.ts";
import { isSubstitute } from "../secrets.ts";
import { type Exchange, observe } from "./observed.ts";
import { advised, type Check, failed, passed, quoted } from "./report.ts";

/**
 * Whether an issuer's key can be tried: false if the secret with its HMAC key is not set, which another check reports.
 */
export const hasKey = ({ keys }: Issuer): boolean =>
  keys.from !== "secret" || !isSubstitute(new TextDecoder().decode(keys.bytes));

/** Checks whether an issuer's keys can be fetched and used, with the gateway's own code. */
export async function checkKeys(issuer: Issuer, deps: Deps, kv: KVNamespace, context: Context): Promise<Check[]> {
  const name = `keys of ${issuer.issuer}`;
  if (issuer.keys.from === "secret") return [passed(name, `an HMAC key for ${issuer.algorithms.join(", ")}`)];
  if (issuer.keys.from === "public") return [passed(name, "a public key in the configuration")];
  const { fetch, exchanges } = observe(deps.fetch);
  const verifier = createVerifier({ issuers: [issuer], deps: { ...deps, fetch }, kv });
  const [ready] = await verifier.ready(context);
  const last = exchanges.at(-1);
  if (!ready?.ok) return [failed(name, ...explain(issuer, ready?.reason, last))];
  const checks = [kinds(name, issuer, last)];
  // With jwksUrl no discovery document was read, so the issuer's name has not been compared with the provider's yet.
  if (issuer.keys.from === "jwks") checks.push(...(await spelling(issuer, deps)));
  return checks;
}

/** What is wrong with the keys, and what to do about it. */
function explain(
  issuer: Issuer,
  fault: string | undefined,
  last: Exchange | undefined,
): [detail: string, remedy: string] {
  const { keys, issuer: name } = issuer;
  // An address below the issuer's own was made by a preset; the operator wrote only the issuer.
  const isNamed = keys.from === "jwks" && !keys.url.startsWith(`${name.replace(/\/$/, "")}/.well-known/`);
  const setting = isNamed ? "jwksUrl" : "issuer";
  const address = last?.address ?? discoveryAddress(issuer.issuer);
  const other = `Compare ${setting} with your provider's documentation${setting === "issuer" ? ", or name the address of its keys as jwksUrl" : ""}.`;
  if (isExample(address)) {
    return [`${address} is still the example of wrangler.toml`, "Name your own identity provider: npm run setup"];
  }
  switch (fault) {
    case "unreachable":
      return [`${address} cannot be reached${last?.failure ? ` (${last.failure})` : ""}`, other];
    case "timeout":
      return [`${address} did not answer within ${KEYS_REFRESH_MS / 1000} seconds`, "Ask your provider, or try again."];
    case "redirect":
      return [
        `${address} answers with a redirect to ${quoted(last?.location)}, and the gateway follows no redirects`,
        `Write the address to which it leads. The gateway follows no redirects, since they could lead to the keys of somebody else. ${other}`,
      ];
    case "status":
      return [`${address} answers with status ${last?.status}`, other];
    case "not-json":
      return [`${address} does not answer with JSON`, other];
    case "too-large":
      return [`${address} answers with a document that is too large for a list of keys`, other];
    case "issuer-differs":
      return differs(issuer, address, isObject(last?.body) ? last.body.issuer : undefined);
    case "jwks-address":
      return [
        `${address} has no usable jwks_uri, the address of the keys: it has to begin with https://`,
        "Name the address of the keys as jwksUrl.",
      ];
    case "too-many-keys":
      return [`${address} lists more than ${JWKS_KEYS} keys, which is more than any provider has`, other];
    default:
      return unusable(issuer, address, last?.body);
  }
}

function differs(issuer: Issuer, address: string, named: unknown): [detail: string, remedy: string] {
  if (typeof named !== "string")
    return [
      `${address} is not a discovery document: it has no issuer`,
      "Compare issuer with your provider's documentation, or name the address of its keys as jwksUrl.",
    ];
  const how = differsBySlash(named, issuer.issuer) ? ": the slash at the end counts" : "";
  return [
    `${address} has the issuer ${quoted(named)}, and the setting issuer is ${quoted(issuer.issuer)}${how}`,
    `Write issuer = ${quoted(named)} if the iss of your sessions is the same.`,
  ];
}

const differsBySlash = (one: string, other: string) => one.replace(/\/$/, "") === other.replace(/\/$/, "");

/** The example addresses of wrangler.toml and the documentation (RFC 2606 §3). */
const isExample = (address: string) => /(^|\.)example\.(com|net|org)$/.test(URL.parse(address)?.hostname ?? "");

/** Explains why none of the fetched keys can verify a session. */
function unusable(issuer: Issuer, address: string, body: unknown): [detail: string, remedy: string] {
  const keys = keysIn(body);
  const sound = keys.filter((key) => key.algorithms.length > 0);
  const allowed = issuer.algorithms.join(", ");
  if (keys.length === 0) return [`${address} lists no keys`, "Compare jwksUrl with your provider's documentation."];
  if (sound.length === 0) {
    return [
      `${address} lists keys (${unique(keys.map(({ kind }) => kind))}), and none of them can verify a session`,
      "The gateway uses public keys for signatures: RSA, EC or Ed25519. A provider that signs with HS256 publishes no keys: write the name of its secret as secret.",
    ];
  }
  if (sound.some((key) => key.algorithms.some((one) => issuer.algorithms.includes(one)))) {
    return [
      `${address} lists keys that are too weak or damaged`,
      `The gateway accepts RSA keys of ${RSA_BITS} to ${RSA_BITS_MOST} bits, EC keys and Ed25519 keys.`,
    ];
  }
  const theirs = unique(sound.map(({ kind }) => kind));
  return [
    `${address} lists keys for ${theirs}, and algorithms allows only ${allowed}`,
    `Write algorithms = ${JSON.stringify(suggested(sound))}, or leave algorithms out.`,
  ];
}

/** Reports the fetched keys, and which of them the setting `algorithms` excludes. */
function kinds(name: string, issuer: Issuer, last: Exchange | undefined): Check {
  const keys = keysIn(last?.body).filter((key) => key.algorithms.length > 0);
  const excluded = keys.filter((key) => !key.algorithms.some((one) => issuer.algorithms.includes(one)));
  const detail = `${keys.length} at ${last?.address}: ${unique(keys.map(({ kind }) => kind))}`;
  if (excluded.length === 0) return passed(name, detail);
  return advised(
    name,
    `${detail}; the setting algorithms excludes ${unique(excluded.map(({ kind }) => kind))}`,
    `If your provider signs sessions with it, write algorithms = ${JSON.stringify([...issuer.algorithms, ...suggested(excluded)])}.`,
  );
}

interface Listed {
  /** The key's name for the operator: its `alg`, or else its type and curve. */
  readonly kind: string;
  /** The algorithms that it can verify; empty if the gateway would not use the key. */
  readonly algorithms: readonly Algorithm[];
}

function keysIn(body: unknown): Listed[] {
  const listed: readonly unknown[] = isObject(body) && Array.isArray(body.keys) ? body.keys : [];
  return listed.map((jwk) => {
    const usable = publicJwk(jwk);
    const fits = usable ? (Object.keys(algorithms) as Algorithm[]).filter(keyFromJwk(usable).fits) : [];
    const { kty, crv, alg, use } = isObject(jwk) ? jwk : {};
    const name = typeof alg === "string" ? alg : [kty, crv].filter((part) => typeof part === "string").join(" ");
    return { kind: quoted(use === "enc" ? `${name}, for encryption` : name).slice(1, -1), algorithms: fits };
  });
}

const suggested = (keys: readonly Listed[]) => [...new Set(keys.flatMap((key) => key.algorithms.slice(0, 1)))];
const unique = (texts: readonly string[]) => [...new Set(texts)].join(", ");

/**
 * Checks whether the provider's discovery document, if it has one, spells the issuer as the configuration does. `iss`
 * is compared letter by letter, so one slash too many refuses every session.
 */
async function spelling(issuer: Issuer, deps: Deps): Promise<Check[]> {
  const name = `name of ${issuer.issuer}`;
  if (!URL.canParse(issuer.issuer)) return [];
  const address = discoveryAddress(issuer.issuer);
  const fetched = await fetchDocument(address, deps.fetch, AbortSignal.timeout(KEYS_REFRESH_MS));
  const named = fetched.ok && isObject(fetched.value.body) ? fetched.value.body.issuer : undefined;
  if (typeof named !== "string" || named === issuer.issuer) return [];
  const [detail, remedy] = differs(issuer, address, named);
  return [differsBySlash(named, issuer.issuer) ? failed(name, detail, remedy) : advised(name, detail, remedy)];
}

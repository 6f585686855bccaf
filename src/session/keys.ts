import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Algorithm } from "./algorithms.ts";
import type { Issuer } from "./issuer.ts";
import type { Key } from "./jwk.ts";

/** What a token's header and `iat` say about its key. The algorithm is one that the issuer's entry allows. */
export interface Wanted {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  /** Seconds since 1970; not verified yet. */
  readonly issuedAt: number | undefined;
  /** Keys that have not verified it. */
  readonly refused: readonly Key[];
}

export interface Found {
  /** A few at most; none of them may fit. */
  readonly keys: readonly Key[];
  /** Milliseconds since 1970 until which the keys may be used without looking again. */
  readonly until: number;
}

/** The keys of one issuer. Never shared between issuers: a `kid` is a name that anybody can give. */
export interface Keys {
  readonly find: (wanted: Wanted, context: Context) => Promise<Result<Found, GatewayError>>;
  /** Whether that key is still one of the issuer's. */
  readonly trusts: (key: Key) => boolean;
  /** Undefined where a key can be used, else the reason why none can. Asks the provider no more often than `find`. */
  readonly ready: (context: Context) => Promise<string | undefined>;
}

/** One key, from the configuration: no I/O. The token's `kid` does not matter, the signature does. */
export function fixedKeys({ algorithms }: Issuer, key: Key | undefined): Keys {
  let usable: boolean | undefined;
  const check = async () => (usable ??= await anyUsable(key ? [key] : [], algorithms));
  return {
    async find({ alg }) {
      if (!(await check()) || !key) {
        return fail("config-invalid", { remedy: "publicKey is no sound public key for the issuer's algorithms" });
      }
      return ok({ keys: key.fits(alg) ? [key] : [], until: Number.POSITIVE_INFINITY });
    },
    trusts: (other) => other === key,
    ready: async () => ((await check()) ? undefined : "key-unusable"),
  };
}

export async function anyUsable(keys: readonly Key[], algorithms: readonly Algorithm[]): Promise<boolean> {
  for (const key of keys) {
    for (const alg of algorithms) if (key.fits(alg) && (await key.load(alg))) return true;
  }
  return false;
}

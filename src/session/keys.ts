import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { ok, type Result } from "../result.ts";
import type { Algorithm } from "./algorithms.ts";
import type { Issuer } from "./issuer.ts";
import type { Key } from "./jwk.ts";

/** The key that a token needs, by its header and `iat`. The issuer's entry allows the algorithm. */
export interface Wanted {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  /** Seconds since 1970; not verified yet. */
  readonly issuedAt: number | undefined;
  /** Keys that were tried and did not verify the token. */
  readonly refused: readonly Key[];
}

export interface Found {
  /** A few keys; it is possible that none of them fits. */
  readonly keys: readonly Key[];
  /** Until when the keys may be used without a new look, in milliseconds since 1970. */
  readonly until: number;
}

/** The keys of one issuer. They are never shared between issuers, since anybody can use the same `kid`. */
export interface Keys {
  readonly find: (wanted: Wanted, context: Context) => Promise<Result<Found, GatewayError>>;
  /** Whether that key is still one of the issuer's. */
  readonly trusts: (key: Key) => boolean;
  /** Undefined if a key can be used, else the reason why none can. Fetches no more often than `find`. */
  readonly ready: (context: Context) => Promise<string | undefined>;
}

/** The keys of an issuer with one key in the configuration. There is no I/O, and the token's `kid` is not compared. */
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

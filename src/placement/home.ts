import type { CometChat } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { HOME_PATIENCE_MS, UNAVAILABLE_SECONDS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { within } from "../within.ts";

/** The home apps of users, which matter if there are several apps and neither the issuer nor a claim decides. */
export interface Homes {
  /** The user's home by KV and by the user's object, without a call to CometChat; undefined if neither knows it. */
  readonly recorded: (uid: string, context: Context) => Promise<Result<string | undefined, GatewayError>>;
  /**
   * The user's home. If the user exists in several apps, `candidate` is preferred; if it exists in none, that is the
   * answer. Fails with `home-unknown` if an app did not answer, so that a home cannot be excluded.
   */
  readonly find: Find;
  /** The same, but a user without a home is given one for good, unless another request has just chosen one. */
  readonly choose: Find;
}

type Find = (
  uid: string,
  candidate: string,
  context: Context,
  reading?: Reading,
) => Promise<Result<Found, GatewayError>>;

/** The user's mapping, if it is being read from KV already. */
type Reading = Promise<Mapping | null | undefined>;

interface Found {
  readonly app: string;
  /** Whether the user had no home before. */
  readonly first: boolean;
}

/**
 * A user who exists in an app stays there, even if KV is lost or the configuration would choose another app today. So
 * there are three sources: KV, which is fast and knows nearly all users; the user's object, which is always right but
 * knows only users that were placed by it; and, before a user is placed for the first time, CometChat's apps
 * themselves.
 *
 * @param copies whether the mapping in KV names the home. If claims move users or issuers share them, it may name
 * another app, so the object is asked each time
 */
export function createHomes(parts: {
  readonly directory: Pick<Directory, "read">;
  readonly home: Ledgers["home"];
  readonly apps: readonly CometChat[];
  readonly copies: boolean;
}): Homes {
  const { directory, apps, copies } = parts;

  /** The home in the user's object. If that has none, the candidate becomes the home. */
  const inObject = (uid: string, { deadline }: Context, candidate?: string) =>
    parts.home(uid, (home) => home.home(candidate), deadline.left());

  /** `missing` is called as soon as KV has no mapping: the user is probably new. */
  async function recorded(
    uid: string,
    context: Context,
    started?: Reading,
    missing?: () => void,
  ): ReturnType<Homes["recorded"]> {
    const reading = copies ? (started ?? directory.read(uid)) : Promise.resolve(undefined);
    const early = await within(HOME_PATIENCE_MS, reading);
    if (early) return ok(early.app);
    if (early === null) missing?.();
    const asked = inObject(uid, context);
    const first = await Promise.race([asked, reading.then((late) => (late ? ok(late.app) : asked))]);
    if (first.ok && first.value !== undefined) return first;
    const late = await reading;
    return late ? ok(late.app) : first;
  }

  const find: Find = async (uid, candidate, context, reading) => {
    let searching: ReturnType<typeof search> | undefined;
    const home = await recorded(uid, context, reading, () => {
      searching = search(uid, candidate, context);
    });
    if (home.ok && home.value !== undefined) return ok({ app: home.value, first: false });
    const found = await (searching ?? search(uid, candidate, context));
    if (!found.ok) return found;
    const app = found.value;
    if (app === undefined) return ok({ app: candidate, first: true });
    // The home is recorded in the user's object, so that the apps need not be searched again.
    context.after("home", (later) => inObject(uid, later, app));
    return ok({ app, first: false });
  };

  /** Asks every app whether it has the user, deactivated or not. */
  async function search(uid: string, likely: string, context: Context): ReturnType<Homes["recorded"]> {
    const answers = await Promise.all(
      apps.map(async (chat) => {
        const has = await chat.has(uid, context);
        // An app that CometChat does not know has no users.
        const noSuchApp = !has.ok && has.error.reason === "upstream-app";
        return { app: chat.app.name, has: noSuchApp ? ok(false) : has };
      }),
    );
    const found = answers.filter(({ has }) => has.ok && has.value).map(({ app }) => app);
    if (found.length > 0) return ok(found.includes(likely) ? likely : found[0]);
    const silent = answers.find(({ has }) => !has.ok);
    if (!silent) return ok(undefined);
    // If the failing app is the one where the user would live, its own failure explains more than `home-unknown`.
    const own = answers.find(({ app }) => app === likely)?.has;
    if (own && !own.ok) return own;
    return fail("home-unknown", {
      retryAfter: UNAVAILABLE_SECONDS,
      remedy: `A user without a home may exist in app ${silent.app}, which did not answer, so it is not created in another app. Check that app's key and region, and CometChat's status.`,
    });
  }

  return {
    recorded: (uid, context) => recorded(uid, context),
    find,
    async choose(uid, candidate, context, reading) {
      const found = await find(uid, candidate, context, reading);
      if (!found.ok || !found.value.first) return found;
      // Two requests may find no home at the same time. The user's object lets the first one choose.
      const chosen = await inObject(uid, context, candidate);
      return chosen.ok ? ok({ app: chosen.value ?? candidate, first: true }) : chosen;
    },
  };
}

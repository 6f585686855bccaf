import type { CometChat } from "../cometchat/cometchat.ts";
import type { Context } from "../context.ts";
import type { Directory, Mapping } from "../directory/directory.ts";
import { fail, type GatewayError } from "../errors.ts";
import type { Ledgers } from "../ledger/access.ts";
import { HOME_PATIENCE_MS, UNAVAILABLE_SECONDS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { within } from "../within.ts";

/** The home apps of users whom neither their issuer nor a claim places, where there are several apps. */
export interface Homes {
  /** Where the user is known to live, without asking any app. */
  readonly known: (uid: string, context: Context) => Promise<Result<string | undefined, GatewayError>>;
  /**
   * The name of the app that a user lives in, `likely` first where it lives in several; undefined where it lives in none.
   * Fails with `home-unknown` where that cannot be said for sure.
   */
  readonly find: (
    uid: string,
    likely: string,
    context: Context,
    reading?: Reading,
  ) => Promise<Result<string | undefined, GatewayError>>;
  /** The same; a user who lives nowhere yet is given `candidate`, or what somebody else has just chosen, for good. */
  readonly choose: (
    uid: string,
    candidate: string,
    context: Context,
    reading?: Reading,
  ) => Promise<Result<Chosen, GatewayError>>;
}

/** What KV says, where it is being read already. */
type Reading = Promise<Mapping | null | undefined>;

interface Chosen {
  readonly app: string;
  /** The user was nowhere before. */
  readonly first: boolean;
}

/**
 * A user who exists in an app stays there, whatever becomes of KV and whichever app would be chosen today. So three are
 * asked: KV, which is fast and knows nearly everybody; the user's object, which is always right, and knows who has been
 * placed here; and, before a user is placed for the first time, every app.
 *
 * @param copies whether KV's mapping names the home. Where claims move users, or issuers share them, it may name another
 *   app, and the object is asked each time
 */
export function createHomes(parts: {
  readonly directory: Pick<Directory, "read">;
  readonly home: Ledgers["home"];
  readonly apps: readonly CometChat[];
  readonly copies: boolean;
}): Homes {
  const { directory, apps, copies } = parts;

  const recorded = (uid: string, { deadline }: Context) => parts.home(uid, (home) => home.home(), deadline.left());
  const record = (uid: string, app: string, { deadline }: Context) =>
    parts.home(uid, (home) => home.home(app), deadline.left());

  /** `missing` is called where KV says that there is nobody: the user is probably new. */
  async function known(
    uid: string,
    context: Context,
    begun?: Reading,
    missing?: () => void,
  ): ReturnType<Homes["known"]> {
    const reading = copies ? (begun ?? directory.read(uid)) : Promise.resolve(undefined);
    const early = await within(HOME_PATIENCE_MS, reading);
    if (early) return ok(early.app);
    if (early === null) missing?.();
    const asked = recorded(uid, context);
    const first = await Promise.race([asked, reading.then((late) => (late ? ok(late.app) : asked))]);
    if (first.ok && first.value !== undefined) return first;
    const late = await reading;
    return late ? ok(late.app) : first;
  }

  const find: Homes["find"] = async (uid, likely, context, reading) => {
    let searching: ReturnType<typeof search> | undefined;
    const home = await known(uid, context, reading, () => {
      searching = search(uid, likely, context);
    });
    if (home.ok && home.value !== undefined) return home;
    const found = await (searching ?? search(uid, likely, context));
    if (!found.ok || found.value === undefined) return found;
    // Recorded in the user's object, so that nobody has to search again.
    const app = found.value;
    context.after("home", (later) => record(uid, app, later));
    return found;
  };

  /** Asks every app whether it has the user, deactivated or not. */
  async function search(uid: string, likely: string, context: Context): ReturnType<Homes["find"]> {
    const answers = await Promise.all(
      apps.map(async (chat) => {
        const has = await chat.has(uid, context);
        // An app that CometChat does not have holds nobody.
        const nowhere = !has.ok && has.error.reason === "upstream-app";
        return { app: chat.app.name, has: nowhere ? ok(false) : has };
      }),
    );
    const found = answers.filter(({ has }) => has.ok && has.value).map(({ app }) => app);
    if (found.length > 0) return ok(found.includes(likely) ? likely : found[0]);
    const silent = answers.find(({ has }) => !has.ok);
    if (!silent) return ok(undefined);
    // Where it would live itself, it is told what is wrong there.
    const there = answers.find(({ app }) => app === likely)?.has;
    if (there && !there.ok) return there;
    return fail("home-unknown", {
      retryAfter: UNAVAILABLE_SECONDS,
      remedy: `A new user may exist in app ${silent.app}, which did not answer: no second one is made elsewhere.`,
    });
  }

  return {
    known: (uid, context) => known(uid, context),
    find,
    async choose(uid, candidate, context, reading) {
      const found = await find(uid, candidate, context, reading);
      if (!found.ok) return found;
      if (found.value !== undefined) return ok({ app: found.value, first: false });
      // Two continents may find nobody at the same time: one of them chooses.
      const chosen = await record(uid, candidate, context);
      return chosen.ok ? ok({ app: chosen.value ?? candidate, first: true }) : chosen;
    },
  };
}

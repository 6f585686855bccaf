import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import type { Context } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { CREATE_POLL_MS, LOOK_PAUSES_MS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { pause } from "./pause.ts";

/** Whether CometChat has the user, as far as is known without asking it. */
export type Known = "there" | "absent" | "unsure";

/** A user who is to be given a token. */
export interface Newcomer {
  readonly uid: string;
  readonly profile: Profile & { readonly name: string };
  /** A promise where that is still being read: the mint does not wait for it. */
  readonly known: Known | Promise<Known>;
  /** Whether the user has become known since; asked only where a user looks deactivated who may just have been created. */
  readonly look?: () => Promise<boolean>;
  /** Lets one request at a time bring the user back, and tells it whether another one has since this one began. */
  readonly revival?: <T>(
    revive: (done: boolean) => Promise<Result<T, GatewayError>>,
  ) => Promise<Result<T, GatewayError>>;
  /** Ends all tokens that a user has who is being brought back. CometChat's own flush unless given. */
  readonly flush?: () => Promise<Result<void, GatewayError>>;
}

interface Provisioned {
  readonly authToken: string;
  /** This sign-in created the CometChat user. */
  readonly created: boolean;
  /** When this sign-in began, in milliseconds since 1970; where it minted once more, when it did: others may have ended tokens. */
  readonly mintedAt: number;
  /** Where a second call is still under way: the token that it brings, if any. It has to be recorded, or ended. */
  readonly other?: Promise<string | undefined>;
}

type Rules = Pick<Config["provisioning"], "mode" | "reactivate">;
type Token = Result<string, GatewayError>;
type Answer = Promise<Result<Provisioned, GatewayError>>;

/** What one of the two calls has answered, and the other one where that is still under way. */
interface Said {
  readonly by: "mint" | "create";
  readonly token: Token;
  readonly other?: Promise<Said> | undefined;
}

/**
 * An auth token for a user: minted for one that exists, created together with one that does not.
 *
 * One call for a known user, at most two for any other: a mint and a create. The mint begins at once; only where the
 * user is known to be absent does the create begin without waiting for its answer. The first token wins. "Not found"
 * and "already exists" together mean that the user is deactivated, unless somebody has created it in between. A third
 * call follows only then, or to reactivate, where that is configured.
 *
 * Some milliseconds of patience for KV before the mint would cost every known user those, and save no call: a user's own
 * key is nearly always a cold read (npm run bench:world).
 */
export async function provision(user: Newcomer, chat: CometChat, rules: Rules, context: Context): Answer {
  const { uid } = user;
  const { presence } = chat;
  const begun = presence.mark();
  const mint = () => chat.mint(uid, context);
  const create = () => createWithToken(user, chat, context);

  if (rules.mode === "existing") {
    const minted = await mint();
    return isAbsent(minted) ? fail("user-unknown") : given(minted);
  }

  // What has been read already need not be raced against.
  const known = await Promise.race([user.known, Promise.resolve("pending" as const)]);
  const first = await firstAnswer({ uid, known: known === "pending" ? user.known : known }, chat, mint, create);
  if (first.token.ok) return given(first.token, first);
  if (first.other) {
    const second = await first.other;
    if (second.token.ok) return given(second.token, second);
    if (saysNothing(first) && saysNothing(second)) return contested();
    return saysNothing(first) ? second.token : first.token;
  }
  if (!saysNothing(first)) return first.token;

  // Asked after CometChat had said that the user exists: "not found" now leaves no doubt.
  if (first.by === "create") return mintAgain();
  // Of those who find a user missing at the same time in this isolate, one creates it. The others mint.
  if (await createdByAnother()) return mintAgain();
  const created = await create();
  return isTaken(created) ? contested() : given(created, { by: "create" });

  function given(token: Token, from: Partial<Said> & { mintedAt?: number } = {}): Result<Provisioned, GatewayError> {
    if (!token.ok) return token;
    const { by, other, mintedAt = context.now } = from;
    return ok({
      authToken: token.value,
      created: by === "create",
      mintedAt,
      ...(other && { other: other.then(({ token }) => (token.ok ? token.value : undefined)) }),
    });
  }

  /** Waits for a create of this user that another request has begun. Whether the user has been seen since. */
  async function createdByAnother(): Promise<boolean> {
    while (presence.creating(uid) && (await pause(CREATE_POLL_MS, context)));
    return presence.since(uid, begun);
  }

  /** "Not found" and "already exists", and the first may have been said before another sign-in created the user. */
  async function contested(): Answer {
    const created = (await createdByAnother()) || presence.doubtful(uid, begun) || (await appeared());
    return created ? mintAgain() : deactivated();
  }

  /** Whether another isolate has written down meanwhile that the user exists. */
  async function appeared(): Promise<boolean> {
    if (!user.look || (await user.known) === "there") return false;
    for (const ms of LOOK_PAUSES_MS) {
      if (!(await pause(ms, context))) return false;
      if (await user.look()) return true;
    }
    return false;
  }

  async function mintAgain(absent = deactivated): Answer {
    const mintedAt = context.now + context.timing.stages().total;
    const minted = await mint();
    return isAbsent(minted) ? absent() : given(minted, { mintedAt });
  }

  async function deactivated(): Answer {
    if (!rules.reactivate) return fail("user-deactivated");
    const revive = (done: boolean) => (done ? mintAgain(bringBack) : bringBack());
    return user.revival ? user.revival(revive) : revive(false);
  }

  async function bringBack(): Answer {
    const reactivated = await chat.reactivate(uid, context);
    if (!reactivated.ok) return reactivated;
    // What was to be revoked meanwhile could not be: CometChat called the user unknown. It must not come back to life.
    const flushed = await (user.flush?.() ?? chat.flush(uid, context));
    if (flushed.ok) return mintAgain(async () => fail("user-deactivated"));
    // Known from now on, it would never be flushed: so that a later sign-in begins anew.
    context.after("deactivate", (later) => chat.deactivate(uid, later));
    return flushed;
  }
}

/** The first call's answer, or that of the first of two calls. */
async function firstAnswer(
  { uid, known }: Pick<Newcomer, "uid" | "known">,
  { presence, hasRoom }: CometChat,
  mint: () => Promise<Token>,
  create: () => Promise<Token>,
): Promise<Said> {
  if (known === "absent" && !presence.creating(uid)) return { by: "create", token: await create() };
  const minting = mint().then((token): Said => ({ by: "mint", token }));
  if (typeof known === "string") return minting;

  let creating: Promise<Said> | undefined;
  let answered = false;
  const beside = known.then((answer) => {
    // Where CometChat has little left for us, the mint's answer is worth waiting for.
    if (answered || answer !== "absent" || presence.creating(uid) || !hasRoom()) return never();
    creating = create().then((token) => ({ by: "create", token }));
    return creating;
  });
  const first = await Promise.race([minting, beside]);
  answered = true;
  return { ...first, other: first.by === "mint" ? creating : minting };
}

async function createWithToken({ uid, profile }: Newcomer, chat: CometChat, context: Context): Promise<Token> {
  const created = await chat.create(uid, profile, { withAuthToken: true }, context);
  if (!created.ok) return created;
  return created.value.authToken === undefined ? fail("upstream-answer") : ok(created.value.authToken);
}

const isAbsent = (token: Token): boolean => !token.ok && token.error.reason === "upstream-uid-unknown";
const isTaken = (token: Token): boolean => !token.ok && token.error.reason === "upstream-uid-exists";

/** Whether the answer tells nothing but that the other call is the one to make. */
const saysNothing = ({ by, token }: Said): boolean => (by === "mint" ? isAbsent(token) : isTaken(token));

/** One of its own each time: what waits for a promise that lives for ever is never collected. */
const never = () => new Promise<never>(() => undefined);

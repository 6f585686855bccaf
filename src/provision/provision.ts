import type { CometChat, Profile } from "../cometchat/cometchat.ts";
import type { Config } from "../config/types.ts";
import { type Context, pause } from "../context.ts";
import { fail, type GatewayError } from "../errors.ts";
import { CREATE_POLL_MS, LOOK_PAUSES_MS } from "../limits.ts";
import { ok, type Result } from "../result.ts";

/** Whether CometChat has the user, as far as the gateway knows without a call. */
export type Known = "there" | "absent" | "unsure";

/** A user who is to be given a token. */
export interface Newcomer {
  readonly uid: string;
  readonly profile: Profile & { readonly name: string };
  /** A promise while it is being read from KV: the mint does not wait for it. */
  readonly known: Known | Promise<Known>;
  /**
   * Reads KV again: whether the user exists by now. Called only if the user seems to be deactivated, but may just have
   * been created by another request.
   */
  readonly look?: () => Promise<boolean>;
}

interface Provisioned {
  readonly authToken: string;
  /** Whether this sign-in created the CometChat user. */
  readonly created: boolean;
  /**
   * When this sign-in began, in milliseconds since 1970. If it minted a second time, when that began, since tokens may
   * have been ended in between.
   */
  readonly mintedAt: number;
  /** Where a second call is still under way: the token that it brings, if any. It has to be recorded, or ended. */
  readonly other?: Promise<string | undefined>;
}

type Token = Result<string, GatewayError>;

/** Fails with `user-deactivated` if CometChat neither finds the user nor creates it. */
export type Provisioning = Promise<Result<Provisioned, GatewayError>>;

/** The answer of one of the two calls, and the other call if that has not been answered yet. */
interface Said {
  readonly by: "mint" | "create";
  readonly token: Token;
  readonly other?: Promise<Said> | undefined;
}

/**
 * Gets an auth token for a user: it mints one for a user who exists, or creates the user together with a token.
 *
 * A known user needs one call, any other at most two: a mint and a create. The mint begins at once. If the user is
 * known to be absent, the create begins without waiting for the mint's answer, and the first token is used. If the mint
 * answers "not found" and the create "already exists", the user is deactivated, unless another request has created it
 * in between. Only then does a third call follow.
 *
 * The mint does not wait for KV, not even some milliseconds: a user's key is nearly always a cold read, so waiting
 * would delay every known user and save no call (npm run bench:world).
 */
export async function provision(
  user: Newcomer,
  chat: CometChat,
  mode: Config["provisioning"]["mode"],
  context: Context,
): Provisioning {
  const { uid } = user;
  const { existence } = chat;
  const begun = existence.mark();
  const mint = () => chat.mint(uid, context);
  const create = () => createWithToken(user, chat, context);

  if (mode === "existing") {
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
  if (first.by === "create") return mintAgain(uid, chat, context);
  // If several requests of this isolate find the user missing at the same time, one creates it and the others mint.
  if (await createdByAnother()) return mintAgain(uid, chat, context);
  const created = await create();
  return isTaken(created) ? contested() : given(created, { by: "create" });

  function given(token: Token, { by, other }: Partial<Said> = {}): Result<Provisioned, GatewayError> {
    if (!token.ok) return token;
    return ok({
      authToken: token.value,
      created: by === "create",
      mintedAt: context.now,
      ...(other && { other: other.then(({ token }) => (token.ok ? token.value : undefined)) }),
    });
  }

  /** Waits for another request that is creating this user. Returns whether the user exists since then. */
  async function createdByAnother(): Promise<boolean> {
    while (existence.creating(uid) && (await pause(CREATE_POLL_MS, context.deadline)));
    return existence.since(uid, begun);
  }

  /** After "not found" and "already exists": the user is deactivated, or another sign-in created it between the two. */
  async function contested(): Provisioning {
    const created = (await createdByAnother()) || existence.doubtful(uid, begun) || (await appeared());
    return created ? mintAgain(uid, chat, context) : fail("user-deactivated");
  }

  /** Whether another isolate has written the user's mapping to KV meanwhile. */
  async function appeared(): Promise<boolean> {
    if (!user.look || (await user.known) === "there") return false;
    for (const ms of LOOK_PAUSES_MS) {
      if (!(await pause(ms, context.deadline))) return false;
      if (await user.look()) return true;
    }
    return false;
  }
}

/** Mints a token for a user who exists by now. "Not found" then means that it is deactivated. */
export async function mintAgain(uid: string, chat: CometChat, context: Context): Provisioning {
  const mintedAt = context.now + context.timing.stages().total;
  const minted = await chat.mint(uid, context);
  if (minted.ok) return ok({ authToken: minted.value, created: false, mintedAt });
  return isAbsent(minted) ? fail("user-deactivated") : minted;
}

/** The first answer: of the only call, or of the faster one of two. */
async function firstAnswer(
  { uid, known }: Pick<Newcomer, "uid" | "known">,
  { existence, hasRoom }: CometChat,
  mint: () => Promise<Token>,
  create: () => Promise<Token>,
): Promise<Said> {
  if (known === "absent" && !existence.creating(uid)) return { by: "create", token: await create() };
  const minting = mint().then((token): Said => ({ by: "mint", token }));
  if (typeof known === "string") return minting;

  let creating: Promise<Said> | undefined;
  let answered = false;
  const beside = known.then((answer) => {
    // Near CometChat's rate limit a second call is made only if the mint's answer shows that it is needed.
    if (answered || answer !== "absent" || existence.creating(uid) || !hasRoom()) return never();
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

/** Whether the user is deactivated, so that only a reactivation could give it a token. */
export const isDeactivated = (provisioned: Awaited<Provisioning>): boolean =>
  !provisioned.ok && provisioned.error.reason === "user-deactivated";

const isAbsent = (token: Token): boolean => !token.ok && token.error.reason === "upstream-uid-unknown";
const isTaken = (token: Token): boolean => !token.ok && token.error.reason === "upstream-uid-exists";

/** Whether the answer only means that the other call must decide. */
const saysNothing = ({ by, token }: Said): boolean => (by === "mint" ? isAbsent(token) : isTaken(token));

/** Makes a new promise each time: what waits for a shared one that never resolves would never be garbage-collected. */
const never = () => new Promise<never>(() => undefined);

/**
 * Every number of the Worker that bounds something, with its reason: bytes, characters, milliseconds, tries, shares.
 * Times in milliseconds unless the name says seconds. Elsewhere are:
 * - what an operator may configure and within which bounds (`config/schema.ts`);
 * - sizes that an algorithm fixes (`session/algorithms.ts`, `ledger/seal.ts`);
 * - numbers that are part of a form: lengths in a regular expression, a key's DER, an IPv6 address, base64, JSON;
 * - HTTP's statuses, and factors between units, such as the 1000 milliseconds of a second;
 * - the factor of a pause that is doubled for each next try;
 * - what the client package and the commands choose for themselves, since nothing else depends on it.
 */

// Sessions
/** Most bytes of a session. Real ones are under 2 KB, and the platform's own limit for headers is far above. */
export const SESSION_BYTES = 8 * 1024;
/** Characters of a `kid`: it is looked up in a Map, never in a URL or a store (RFC 8725 §3.10). */
export const KID_CHARS = 256;
/** Last second of the year 9999: a date beyond it is a mistake (milliseconds, most often), or no number at all. */
export const LAST_SECOND = 253_402_300_799;
/** Characters of a subject; anything that is no uid is hashed, so the bound only keeps the hash cheap. */
export const SUBJECT_CHARS = 4096;

// Requests
/** Most bytes of a request body of the token endpoints: an auth token, or a flag, fits many times. */
export const BODY_BYTES = 4 * 1024;
/** Bytes of a back-channel logout's form: one token, percent-encoded. */
export const LOGOUT_BODY_BYTES = 16 * 1024;
/** How long a logout token's `jti` is stored: longer than the token may be accepted. */
export const ONCE_KEPT_MS = 3_600_000;
/** Time limit for recording that a logout token was used, or that its logout failed. */
export const ONCE_MS = 2_000;
/** After this, a logout that has begun and has not ended counts as failed: no request with its follow-up takes longer. */
export const ONCE_LEASE_MS = 30_000;
/** Bytes of a user as a backend sends it: CometChat's own limit for a request (docs, rest-api/users/create). */
export const USER_BODY_BYTES = 10 * 1024;
/** Bytes of a webhook: a Clerk user with all its accounts is under 20 KB, a Supabase hook may be 200 KB. */
export const WEBHOOK_BYTES = 256 * 1024;
/** Seconds by which a webhook may be old, or ahead: Standard Webhooks' libraries allow the same. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** A time in a webhook below this number is in seconds, another one in milliseconds: the year 5138 or 1973. */
export const WEBHOOK_MILLISECONDS_FROM = 100_000_000_000;
/** How long a delivered webhook is remembered: providers deliver again for a day or two. */
export const DELIVERY_KEPT_MS = 3 * 86_400_000;
/** Deliveries that are remembered for one user; about 150 bytes each. */
export const DELIVERIES_KEPT = 100;
/** Least bytes of a webhook's signing secret (Standard Webhooks 1.0, signature scheme). */
export const WEBHOOK_SECRET_BYTES = 24;
/** Time limit of one request as a whole, unless configured (docs/configuration.md). */
export const REQUEST_MS = 8_000;
/** Time limit of all work after an answer together. The platform ends it at 30 s, and it may begin before the answer. */
export const AFTER_MS = 24_000;
/** Time limit for what is done when all tries of such work have failed. */
export const AFTER_LOST_MS = 3_000;
/** Tries of work after an answer. The pause grows by this much: KV refuses a second write of a key within a second. */
export const AFTER_TRIES = 3;
export const AFTER_PAUSE_MS = 1_100;
/** Time limit of a rate limit counter. It is on the same machine, so a slower one does not work. */
export const RATE_LIMIT_MS = 100;
/** `Retry-After` of the gateway's own limits: the bindings' period, since they do not say when it ends. */
export const LIMIT_PERIOD_SECONDS = 60;
/** Addresses over their limit that an isolate remembers for that period; about 100 bytes each. */
export const ADDRESSES_REMEMBERED = 10_000;

/** How long a browser may cache a preflight: Chromium's maximum. */
export const PREFLIGHT_SECONDS = 7_200;
/** Stack frames of an exception in the log: enough to find the place, and the line stays short. */
export const FRAMES_LOGGED = 6;

// CometChat (docs, articles/properties-and-constraints)
export const UID_CHARS = 100;
/** Characters of an issuer's prefix: a uid may have `x-` and a hash of 52 characters behind it. */
export const PREFIX_CHARS = UID_CHARS - 54;
export const NAME_CHARS = 100;
/** Characters of a longer name that are divided into graphemes to cut it, since a claim may be very long. */
export const NAME_READ_CHARS = 8 * NAME_CHARS;
/** Characters of a hashed uid in the name of a user whose claims have no name. */
export const NAME_HASH_CHARS = 6;
export const URL_CHARS = 3000;
export const TAGS = 25;
export const TAG_CHARS = 100;
/** Characters of metadata as JSON: the older and smaller of the two documented limits. */
export const METADATA_CHARS = 1600;

/** Bytes of a profile as JSON: CometChat takes bodies of 10 KB, and uid and flags stand beside it. */
export const PROFILE_BYTES = 9_500;

// Directory
/** After this a KV read counts as a miss. It is waited for about as long as a call to CometChat takes: reads that no data
 * centre nearby has cached take over 300 ms at their slowest. */
export const DIRECTORY_READ_MS = 300;
/** At most this share of a request's time: a slow KV must leave time for the calls that it could have saved. */
export const DIRECTORY_SHARE = 1 / 5;
/** After this the object that knows a user's home is asked beside KV: a read that the data centre has cached takes some
 * milliseconds, most others about as long as this. */
export const HOME_PATIENCE_MS = 50;
/** Time limit of a KV read for /readyz. A slow KV is ready. */
export const READY_MS = 1_000;
/** How long an isolate uses a mapping that it has read: for that long it may miss what another isolate wrote. */
export const MAPPING_MEMORY_MS = 10_000;
/** Mappings an isolate remembers; about 200 bytes each, so 2 MB of 128. */
export const MAPPINGS_REMEMBERED = 5_000;
/** How long KV stores which user a provider's session id belongs to: clients use a token for long without asking again. */
export const SESSION_KEPT_SECONDS = 90 * 86_400;
/** How long a data centre's cache says that this is stored. It is stored again before KV deletes it. */
export const SESSION_MARKED_SECONDS = SESSION_KEPT_SECONDS / 2;
/** Share of a logout's time for that read. The rest is for recording that the logout is still to be done. */
export const SESSION_READ_SHARE = 1 / 2;

// Configuration
/** Seconds by which clocks may differ unless configured. */
export const CLOCK_TOLERANCE_SECONDS = 30;
/** Least characters of a backend secret: as base64 that is more than 128 bits. */
export const BACKEND_SECRET_CHARS = 32;
/** Backend secrets that are accepted at the same time: the new and the old one of a rotation. */
export const BACKEND_SECRETS = 2;
/** AES-256. */
export const TOKEN_KEY_BYTES = 32;

// Calls to CometChat
/** Time limit of one attempt: much longer than an answer takes, and short enough for a second attempt in one request. */
export const ATTEMPT_MS = 4_000;
/** One call and two retries: if one answer in ten is faulty, two sign-ins in a thousand then fail (npm run soak). */
export const ATTEMPTS = 3;
/** Share of the time left that an attempt may take at most, unless it is the last one. */
export const ATTEMPT_SHARE = 1 / 2;
/** With less time left no further attempt is begun: across an ocean an answer takes about as long. */
export const ATTEMPT_LEFT_MS = 200;
/** Longest pause before the second attempt, doubled before the next: enough for a restart, little for a person. */
export const BACKOFF_MS = 100;
/** Failures in a row that open the breaker: three requests of an outage, and one call in 256 at even odds. */
export const BREAKER_FAILURES = 8;
/** How long it stays open: short, because the probe costs one call. */
export const BREAKER_OPEN_MS = 5_000;
/** How long a probe is waited for: an attempt at its longest, the whole default request. */
export const BREAKER_PROBE_MS = 8_000;
/** If less than this share of a rate limit is left, calls that can wait are postponed: the rest is for sign-ins. */
export const RATE_LOW_SHARE = 0.1;
/** The same in calls, if CometChat names the rest and not the limit: that share of the smallest documented limit, 500. */
export const RATE_LOW_REMAINING = 50;
/** How long such calls are postponed if CometChat does not say when the limit is reset. */
export const RATE_LOW_MS = 10_000;
/** Bytes of an answer. A user is at most 10 KB in a request; pages of a list are sized to stay below this. */
export const ANSWER_BYTES = 256 * 1024;
/** Characters of an auth token. Documented ones have at most 141 (uid, time and 30 more); longer is no token. */
export const AUTH_TOKEN_CHARS = 1024;
/** Users in a page of the list of deactivated users: 20 of about 10 KB fit into one answer. */
export const LIST_PAGE = 20;
/** Pages read to find one uid among those that begin like it; a sign-in must not walk through a whole app. */
export const LIST_PAGES = 5;
/** Users of an app that an isolate remembers to exist (about 100 bytes each), and for how long: longer than any request
 * takes. */
export const USERS_SEEN = 5_000;
export const USERS_SEEN_MS = 60_000;
/** How long a create of another request is waited for: as long as one attempt may take. */
export const CREATE_AWAITED_MS = 4_000;
/** How often a request looks whether it has ended: a promise cannot be shared between requests. */
export const CREATE_POLL_MS = 10;
/** How often a request looks whether another one has brought a deactivated user back. */
export const REVIVAL_POLL_MS = 100;
/** Pauses before each look for a user whom another isolate may have created at the same time. Its write reaches KV here
 * within half a second; all that waits is the refusal of a deactivated user. */
export const LOOK_PAUSES_MS: readonly number[] = [50, 150, 300];
/** Used for a `Retry-After` that cannot be read: the value in CometChat's documentation. */
export const RETRY_AFTER_DEFAULT_SECONDS = 15;
/** No longer than this: CometChat counts by the minute, so a longer wait is a mistake that would lock an app out. */
export const RETRY_AFTER_MAX_SECONDS = 60;
/** `Retry-After` while CometChat fails or is too slow: about as long as the breaker stays open. */
export const UNAVAILABLE_SECONDS = 5;
/** How long a role that CometChat refused is left out: soon enough after the operator has created it. */
export const ROLE_MEMORY_MS = 300_000;
/** After this, a profile without the role that CometChat refused is sent again with it. */
export const ROLE_RETRY_MS = 3_600_000;
/** Roles on a page of their list: an app has at most 25. */
export const ROLES_PAGE = 100;
/** An app has at most 25 roles; this bounds what a backend could make us remember. */
export const ROLES_REMEMBERED = 100;

// Keys of identity providers
/** Bytes of a discovery document or JWKS: Entra's, the largest common one, is under 30 KB. */
export const DOCUMENT_BYTES = 256 * 1024;
/** Keys of one JWKS; providers publish two to a dozen. */
export const JWKS_KEYS = 100;
/** Keys tried for one token if several have its `kid`, or if it has none. More would let an attacker cause much work. */
export const KEY_CANDIDATES = 4;
/** RFC 7518 §3.3; the upper bound keeps a verification under a millisecond. */
export const RSA_BITS = 2048;
export const RSA_BITS_MOST = 8192;
/** The least public exponent of RSA (RFC 8017 §3.1). */
export const RSA_EXPONENT = 3;
/** All that getting keys may take, discovery and stores included, and its share of a request's time where that is less:
 * the request has to mint as well. */
export const KEYS_REFRESH_MS = 4_000;
export const KEYS_REFRESH_SHARE = 1 / 2;
/** How long a JWKS is fresh where its `Cache-Control` says nothing, and the bounds where it does: a withdrawn key is
 * used for an hour at most, and a provider that says "15 seconds" is not asked that often. */
export const KEYS_FRESH_MS = 10 * 60_000;
export const KEYS_FRESH_LEAST_MS = 5 * 60_000;
export const KEYS_FRESH_MOST_MS = 60 * 60_000;
/** A copy is fresh for no longer than this after its fetch, whatever is stored: twice the time that is ever stored. */
export const KEYS_COPY_FRESH_MS = 2 * KEYS_FRESH_MOST_MS;
/** Keys are fetched again before they are stale, when this share of their time is left: spread between the two, so that
 * isolates do not ask all at once. */
export const KEYS_EARLY_LEAST = 0.1;
export const KEYS_EARLY_MOST = 0.3;
/** How long keys are used while the provider cannot be asked: an outage of up to a day signs nobody out. */
export const KEYS_KEPT_MS = 24 * 3_600_000;
/** Least time between two fetches of keys. It bounds the requests that a flood of unknown `kid`s causes at the provider,
 * and it is how long a new key may have to wait. */
export const KEYS_COOLDOWN_MS = 30_000;
/** The same while there are no keys and nobody can sign in: a short fault must not last half a minute. */
export const KEYS_COLD_COOLDOWN_MS = 5_000;
/** Isolates' clocks differ by less than this. A copy from further in the future was not stored by the gateway. */
export const CLOCKS_APART_MS = 60_000;
/** Reading a copy from the Cache API or KV, and its share of a request's time where that is less; after this it is a miss. */
export const COPY_READ_MS = 150;
export const COPY_READ_SHARE = 1 / 10;
/** Share of what a request has left that it waits for keys: longer than the above by default, and enough stays to mint. */
export const KEYS_SHARE = 5 / 8;
/** How long a request waits for new keys while there are stale ones that may still be used. */
export const KEYS_STALE_WAIT_MS = 500;
/** How often a request looks whether another one's fetch is done: a promise cannot be shared between requests. */
export const KEYS_POLL_MS = 10;

/** `Retry-After` while keys are unavailable, if no better time is known: longer than a short fault of the provider. */
export const KEYS_UNAVAILABLE_SECONDS = 10;

// Verified sessions
/** How long a verified session is remembered: for that long its signature is not verified again. */
export const SESSION_MEMORY_MS = 60_000;
/** Sessions an isolate remembers, each of at most 2 KB. Its claims take 32 KB at worst: a quarter of 128 MB in all. */
export const SESSIONS_REMEMBERED = 1_000;
export const REMEMBERED_BYTES = 2 * 1024;

// Logout tokens
/** Age of a logout token, far above the two minutes that OIDC Back-Channel Logout 1.0 §2.4 recommends, and with the
 * largest clock tolerance far below the time for which its `jti` is known. */
export const LOGOUT_AGE_SECONDS = 300;
/** Characters of a `jti`; the ledger keeps its digest. */
export const JTI_CHARS = 1024;

/** Equal refusals that one isolate writes to the log in one minute; the others are counted. A flood costs a line a minute. */
export const REFUSALS_LOGGED = 100;
export const REFUSALS_COUNTED_MS = 60_000;
/** Kinds of refusals that are counted at the same time: about as many as there are pairs of route and reason. */
export const REFUSALS_REMEMBERED = 500;

/** How long /readyz names an app whose last call failed. */
export const FAULT_KEPT_MS = 60_000;

// Ledger
/** Tries of a call to a ledger that fails with an error that may be retried. */
export const LEDGER_TRIES = 3;
/** Time limit of a call to the ledger after an answer: three of them fit into that work's time. */
export const LEDGER_TRY_MS = 7_000;
/** Share of a request's time in which the ledger must end tokens. If it hangs, the rest is left for calling CometChat
 * directly. */
export const LEDGER_SHARE = 0.7;
/** Share of the time of a call to the ledger in which it calls CometChat. The rest is for its answer, which says how
 * CometChat failed. */
export const LEDGER_BUDGET_SHARE = 0.85;
/** After this a session's own token counts as missing, which costs a call to CometChat: the object may be an ocean away. */
export const LEDGER_TAKE_MS = 500;
/** How long an answer waits for the record of a token with `reuse`. The record continues after the answer. */
export const LEDGER_RECORD_MS = 500;
/** Sessions of a user that are marked because a token of theirs could not be recorded. */
export const UNRECORDED_SESSIONS = 8;
/** First and longest pause between two tries to revoke a token: CometChat may be down for a night. */
export const LEDGER_BACKOFF_LEAST_MS = 30_000;
export const LEDGER_BACKOFF_MOST_MS = 3_600_000;
/** Such a pause is longer by up to this share, at random, so that users are not tried together. */
export const LEDGER_BACKOFF_JITTER = 1 / 2;
/** Tries to revoke a token whose user or app does not exist: about a day of them. */
export const LEDGER_ABSENT_TRIES = 30;
/** Auth tokens of a user that CometChat keeps (docs, rest-api/auth-tokens); older ones are dead. */
export const TOKENS_ALIVE = 100;
/** Revocations at the same time. The platform allows six connections (docs, workers/platform/limits). */
export const REVOKED_AT_ONCE = 4;
/** Tokens one alarm revokes; the next alarm follows at once. */
export const ALARM_BATCH = 20;
/** Time one alarm may take. */
export const ALARM_MS = 20_000;
/** How late an expired token may be revoked, so that those of many users that end in the same minute do not take the
 * sign-ins' share of CometChat's rate limit; and no later than by this share of its life. */
export const SPREAD_MOST_MS = 300_000;
export const SPREAD_SHARE = 0.1;
/** How long the ledger remembers what was ended, and how many such rows: much longer than a record can be late. */
export const ENDED_KEPT_MS = 86_400_000;
export const ENDED_KEPT = 500;

// Import (docs, fundamentals/data-import-and-migration)
/** Users of one call. */
export const IMPORT_USERS = 50;
/** Calls a minute, where CometChat has not raised the limit. */
export const IMPORT_RPM = 60;
/** Time limit of one call, which writes fifty users. */
export const IMPORT_MS = 30_000;
/** Bytes of its answer: fifty users of 10 KB, whose letters may be written as \uXXXX. */
export const IMPORT_ANSWER_BYTES = 4 * 1024 * 1024;
/** Users on a page of the list of all users; with an answer as above none of them is too large. */
export const IMPORT_PAGE = 100;
/** Tries of one batch: with a minute as the longest pause, an outage of several minutes is waited for. */
export const IMPORT_TRIES = 10;
/** Longest pause before the second try, doubled before each next, up to the most. */
export const IMPORT_PAUSE_MS = 1_000;
export const IMPORT_PAUSE_MOST_MS = 60_000;
/** Calls under way at the same time: an answer may take longer than the pause between two calls. */
export const IMPORT_AT_ONCE = 4;

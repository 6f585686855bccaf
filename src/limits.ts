/**
 * Every number of the Worker that bounds something, with its reason: bytes, characters, milliseconds, tries, shares.
 * Times in milliseconds unless the name says seconds. Elsewhere are: what an operator may configure and within which
 * bounds (`config/schema.ts`), sizes that an algorithm fixes (`session/algorithms.ts`, `ledger/seal.ts`), lengths that
 * are part of a text's form (regular expressions), and what the client package and the commands choose for themselves,
 * since nothing else depends on it.
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
/** How long a logout token's `jti` is known: longer than the token itself may be accepted. */
export const ONCE_KEPT_MS = 3_600_000;
/** Time to write down that it was used, or was not: whatever is left of the request. */
export const ONCE_MS = 2_000;
/** After this, work that was begun and is not done has failed: no request and its follow-up take longer. */
export const ONCE_LEASE_MS = 30_000;
/** Bytes of a user as a backend sends it: CometChat's own limit for a request (docs, rest-api/users/create). */
export const USER_BODY_BYTES = 10 * 1024;
/** Bytes of a webhook: a Clerk user with all its accounts is under 20 KB, a Supabase hook may be 200 KB. */
export const WEBHOOK_BYTES = 256 * 1024;
/** Seconds by which a webhook may be old, or ahead: Standard Webhooks' libraries allow the same. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** How long a webhook is known that was delivered before: providers try again for a day or two, and the time at which
 * its signature is taken is at most ten minutes. */
export const DELIVERY_KNOWN_MS = 3 * 86_400_000;
/** Deliveries that are known of one user; about 150 bytes each. */
export const DELIVERIES_KNOWN = 100;
/** Least bytes of a webhook's signing secret (Standard Webhooks 1.0, signature scheme). */
export const WEBHOOK_SECRET_BYTES = 24;
/** Time of one request altogether, unless configured (docs/configuration.md). */
export const REQUEST_MS = 8_000;
/** All work after an answer together; the platform ends it at 30 s. It may begin before the answer. */
export const AFTER_MS = 24_000;
/** What is done where its tries were all in vain. */
export const AFTER_LOST_MS = 3_000;
/** Tries of such work, with a pause that grows by this much: KV refuses a second write of a key within a second. */
export const AFTER_TRIES = 3;
export const AFTER_PAUSE_MS = 1_100;
/** The counters are on the same machine; one that has not answered by then does not work. */
export const RATE_LIMIT_MS = 100;
/** What `Retry-After` says after our own limits: the bindings' period, since they tell no rest. */
export const LIMIT_PERIOD_SECONDS = 60;
/** Addresses that are remembered to be over their limit, for that period; about 100 bytes each. */
export const ADDRESSES_REMEMBERED = 10_000;

// CometChat (docs, articles/properties-and-constraints)
export const UID_CHARS = 100;
/** Characters of an issuer's prefix: a uid may have `x-` and a hash of 52 characters behind it. */
export const PREFIX_CHARS = UID_CHARS - 54;
export const NAME_CHARS = 100;
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
/** The same for /readyz, where slow is still alive. */
export const READY_MS = 1_000;
/** How long an isolate uses a mapping that it has read: for that long it may miss what another isolate wrote. */
export const MAPPING_MEMORY_MS = 10_000;
/** Mappings an isolate remembers; about 200 bytes each, so 2 MB of 128. */
export const MAPPINGS_REMEMBERED = 5_000;
/** How long KV knows whose session a provider's session id is: chat clients keep a token for long without asking. */
export const SESSION_KNOWN_SECONDS = 90 * 86_400;
/** How long a data centre knows that this is written: it is written again before KV forgets it. */
export const SESSION_MARKED_SECONDS = SESSION_KNOWN_SECONDS / 2;
/** Share of a logout's time to read it: the rest is to tell the ledger that this logout is still to be done. */
export const SESSION_READ_SHARE = 1 / 2;

// Configuration
/** Seconds by which clocks may differ unless configured. */
export const CLOCK_TOLERANCE_SECONDS = 30;
/** Least characters of a backend secret: as base64 that is more than 128 bits. */
export const BACKEND_SECRET_CHARS = 32;
/** AES-256. */
export const TOKEN_KEY_BYTES = 32;

// Calls to CometChat
/** One attempt: far above what an answer takes, and short enough for a second one within the default request. */
export const ATTEMPT_MS = 4_000;
/** One call and two repetitions: with one answer in ten faulty, two sign-ins in a thousand then fail (npm run soak). */
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
/** Share of a rate limit below which calls that can wait do: the rest is for sign-ins. */
export const RATE_LOW_SHARE = 0.1;
/** The same where only the rest is told: that share of the smallest documented limit, 500. */
export const RATE_LOW_REMAINING = 50;
/** How long they wait where no end is told; the next answer tells anew. */
export const RATE_LOW_MS = 10_000;
/** Bytes of an answer. A user is at most 10 KB in a request; pages of a list are sized to stay below this. */
export const ANSWER_BYTES = 256 * 1024;
/** Characters of an auth token. Documented ones have at most 141 (uid, time and 30 more); longer is no token. */
export const AUTH_TOKEN_CHARS = 1024;
/** Users in a page of the list of deactivated users: 20 of about 10 KB fit into one answer. */
export const LIST_PAGE = 20;
/** Pages read to find one uid among those that begin like it; a sign-in must not walk through a whole app. */
export const LIST_PAGES = 5;
/** Users of an app of whom an isolate knows that they are there, about 100 bytes each, and for how long: longer than any
 * request lasts. */
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
/** `Retry-After` that came without a value we can read: what CometChat's documentation shows. */
export const RETRY_AFTER_DEFAULT_SECONDS = 15;
/** No longer than this: CometChat counts by the minute, so a longer wait is a mistake that would lock an app out. */
export const RETRY_AFTER_MAX_SECONDS = 60;
/** What a caller is told to wait while CometChat fails or is too slow: about as long as the breaker stays open. */
export const UNAVAILABLE_SECONDS = 5;
/** How long a role that CometChat refused is left out: soon enough after the operator has created it. */
export const ROLE_MEMORY_MS = 300_000;
/** When a profile is sent again that lacks a role which CometChat refused. */
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
/** Keys tried for one token, where several have its `kid` or it has none: more would be work for an attacker's asking. */
export const KEY_CANDIDATES = 4;
/** RFC 7518 §3.3; the upper bound keeps a verification under a millisecond. */
export const RSA_BITS = 2048;
export const RSA_BITS_MOST = 8192;
/** All that getting keys may take, discovery and stores included, and its share of a request's time where that is less:
 * the request has to mint as well. */
export const KEYS_REFRESH_MS = 4_000;
export const KEYS_REFRESH_SHARE = 1 / 2;
/** How long a JWKS is fresh where its `Cache-Control` says nothing, and the bounds where it does: a withdrawn key is
 * used for an hour at most, and a provider that says "15 seconds" is not asked that often. */
export const KEYS_FRESH_MS = 10 * 60_000;
export const KEYS_FRESH_LEAST_MS = 5 * 60_000;
export const KEYS_FRESH_MOST_MS = 60 * 60_000;
/** Keys are fetched again before they are stale, when this share of their time is left: spread between the two, so that
 * isolates do not ask all at once. */
export const KEYS_EARLY_LEAST = 0.1;
export const KEYS_EARLY_MOST = 0.3;
/** How long keys are used while the provider cannot be asked: an outage of up to a day signs nobody out. */
export const KEYS_KEPT_MS = 24 * 3_600_000;
/** Between two attempts to fetch, whatever asks: bounds what a flood of unknown `kid`s sends to the provider, and how
 * long a new key may have to wait. */
export const KEYS_COOLDOWN_MS = 30_000;
/** The same while there are no keys and nobody can sign in: one short fault must not cost half a minute. */
export const KEYS_COLD_COOLDOWN_MS = 5_000;
/** Isolates' clocks differ by less than this: a copy from further in the future is not of our making. */
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

/** What a caller is told to wait for keys where nothing says how long: longer than a short fault of the provider. */
export const KEYS_UNAVAILABLE_SECONDS = 10;

// Verified sessions
/** How long a verified session is remembered: for that long its signature is not verified again. */
export const SESSION_MEMORY_MS = 60_000;
/** At 2 KB of text each, whose claims take 32 KB at the very worst: a quarter of an isolate's 128 MB. */
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
/** Kinds of refusals that are counted at the same time: about as many as there are routes and reasons that meet. */
export const REFUSALS_REMEMBERED = 500;

/** How long /readyz names an app for what became of its last call. */
export const FAULT_KNOWN_MS = 60_000;

// Ledger
/** Tries to reach an object that says it may be asked again. */
export const LEDGER_TRIES = 3;
/** Time that one try of the answer's follow-up gives the ledger: three of them fit. */
export const LEDGER_TRY_MS = 7_000;
/** Share of a request's time for the ledger to have CometChat end tokens. */
export const LEDGER_SHARE = 0.6;
/** Share beyond that for its answer to come: a ledger that hangs leaves time to end what CometChat can end. */
export const LEDGER_ANSWER_SHARE = 0.1;
/** Share of a follow-up's time in which the ledger has CometChat end tokens: the rest is for its own work. */
export const LEDGER_BUDGET_SHARE = 1 / 2;
/** The same where nobody else could: the rest is for its answer, which says how CometChat failed. */
export const LEDGER_WHOLE_SHARE = 0.9;
/** After this a session's own token counts as missing, which costs a call to CometChat: the object may be an ocean away. */
export const LEDGER_TAKE_MS = 500;
/** How long an answer waits for the record of a token that is to be handed out again; the record goes on. */
export const LEDGER_RECORD_MS = 500;
/** Sessions of a user of which is known that a token could not be recorded. */
export const UNRECORDED_SESSIONS = 8;
/** First and longest pause between two tries to revoke a token: CometChat may be down for a night. */
export const LEDGER_BACKOFF_LEAST_MS = 30_000;
export const LEDGER_BACKOFF_MOST_MS = 3_600_000;
/** Tries to revoke at a user or app that is not there: a day of them. */
export const LEDGER_ABSENT_TRIES = 30;
/** Auth tokens of a user that CometChat keeps (docs, rest-api/auth-tokens); older ones are dead. */
export const TOKENS_ALIVE = 100;
/** Revocations at the same time: of the six connections that the platform gives (docs, workers/platform/limits). */
export const REVOKED_AT_ONCE = 4;
/** Tokens one alarm revokes; the next alarm follows at once. */
export const ALARM_BATCH = 20;
/** Time one alarm may take. */
export const ALARM_MS = 20_000;
/** How late an expired token may be revoked, so that those of many users that end in the same minute do not take the
 * sign-ins' share of CometChat's rate limit; and no later than by this share of its life. */
export const SPREAD_MOST_MS = 300_000;
export const SPREAD_SHARE = 0.1;
/** How long the ledger knows that something ended, and how much of it: much longer than a record can follow its sign-in. */
export const ENDED_KEPT_MS = 86_400_000;
export const ENDED_KEPT = 500;

// Import (docs, fundamentals/data-import-and-migration)
/** Users of one call. */
export const IMPORT_USERS = 50;
/** Calls a minute, where CometChat has not raised the limit. */
export const IMPORT_RPM = 60;
/** One call: fifty users are written. */
export const IMPORT_MS = 30_000;
/** Bytes of its answer: fifty users of 10 KB, which may come back with each letter as \uXXXX. */
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

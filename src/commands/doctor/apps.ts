import { createClient } from "../../cometchat/client.ts";
import { createCometChat } from "../../cometchat/cometchat.ts";
import { REGIONS } from "../../cometchat/fields.ts";
import type { App } from "../../cometchat/types.ts";
import type { Config } from "../../config/types.ts";
import type { Context, Deps } from "../../context.ts";
import type { GatewayError } from "../../errors.ts";
import { isObject } from "../../shape.ts";
import { type Exchange, observe } from "./observed.ts";
import { advised, type Check, failed, passed } from "./report.ts";

const TIMEOUT_MS = 5_000;
/** The sample users of every new app (CometChat's documentation, fundamentals/key-concepts). */
const SAMPLES = [1, 2, 3, 4, 5].map((number) => `cometchat-uid-${number}`);

/**
 * Checks whether CometChat accepts an app's API key, with a call that only reads.
 * `secret`: the name of the secret with the key, for the report.
 */
export async function checkApp(app: App, secret: string, deps: Deps, context: Context): Promise<Check[]> {
  const name = `app ${app.name}`;
  const { fetch, exchanges } = observe(deps.fetch);
  const failure = await ask(app, { ...deps, fetch }, context);
  if (!failure)
    return [
      passed(name, `CometChat accepts the key in ${secret} for ${app.appId} in ${app.region}`),
      ...(await checkSamples(app, deps, context)),
    ];
  if (failure.reason === "upstream-app" && app.baseUrl.endsWith(".cometchat.io/v3")) {
    for (const region of REGIONS.filter((one) => one !== app.region)) {
      const other = { ...app, region, baseUrl: app.baseUrl.replace(`.api-${app.region}.`, `.api-${region}.`) };
      if (!(await ask(other, deps, context))) {
        return [
          failed(
            name,
            `the app ${app.appId} is in region ${region}, not in ${app.region}`,
            `Write COMETCHAT_APPS.${app.name}.region = "${region}".`,
          ),
        ];
      }
    }
  }
  return [failed(name, detailOf(failure, app, secret, exchanges.at(-1)), failure.remedy ?? remedyOf(failure))];
}

/** Lists one user, which is the smallest request. Undefined if CometChat answered it. */
async function ask(app: App, deps: Deps, { deadline }: Context): Promise<GatewayError | undefined> {
  const read = (body: unknown) => (isObject(body) && Array.isArray(body.data) ? true : undefined);
  const { result } = await createClient(app, deps)(
    { method: "GET", path: "/users?perPage=1", read },
    TIMEOUT_MS,
    deadline.timer,
  );
  return result.ok ? undefined : result.error;
}

function detailOf({ reason }: GatewayError, app: App, secret: string, last: Exchange | undefined): string {
  const host = new URL(app.baseUrl).host;
  const answer = last?.failure ?? (last?.status === undefined ? "no answer" : `status ${last.status}`);
  switch (reason) {
    case "upstream-key":
      return codeOf(last) === "AUTH_ERR_NO_ACCESS"
        ? `the key in ${secret} has too small a scope`
        : `CometChat does not know the key in ${secret} for ${app.appId}`;
    case "upstream-app":
      return `CometChat does not know the app ${app.appId} in region ${app.region} (asked at ${host})`;
    case "upstream-plan":
      return `the plan of ${app.appId} does not allow this call, or its limit is reached`;
    case "upstream-limited":
      return `the rate limit of ${app.appId} is reached`;
    case "upstream-unreachable":
    case "upstream-timeout":
      return `${host} cannot be reached (${answer})`;
    default:
      return `${host} gave an answer that is not CometChat's (${answer})`;
  }
}

/** CometChat's own error code, which is more precise than the gateway's reason. */
const codeOf = (last: Exchange | undefined) =>
  isObject(last?.body) && isObject(last.body.error) ? last.body.error.code : undefined;

function remedyOf({ reason, retryAfter }: GatewayError): string {
  if (reason === "upstream-limited")
    return `Run the doctor again in ${retryAfter ?? 60} seconds. Until then, sign-ins to this app may fail.`;
  if (reason === "upstream-answer") return "Compare baseUrl with the address that CometChat gave you. It ends in /v3.";
  return "Compare appId, region and baseUrl with the dashboard. If they are right, CometChat or the network is down.";
}

/** Looks for the sample users of a new app: a session with such a subject would sign in to their account. */
async function checkSamples(app: App, deps: Deps, context: Context): Promise<Check[]> {
  const chat = createCometChat(app, deps);
  const found = await Promise.all(SAMPLES.map(async (uid) => ((await chat.get(uid, context)).ok ? [uid] : [])));
  const uids = found.flat();
  if (uids.length === 0) return [];
  return [
    advised(
      `users of ${app.name}`,
      `${app.appId} still has CometChat's sample users ${uids.join(", ")}: a session with one of these subjects would sign in as that user`,
      "Delete them before the app goes live: dashboard › Users.",
    ),
  ];
}

/** Checks whether CometChat has the user of an accepted session, and whether the user's next sign-in would succeed. */
export async function checkUser(
  uid: string,
  app: App,
  { provisioning }: Pick<Config, "provisioning">,
  deps: Deps,
  context: Context,
): Promise<Check[]> {
  const name = `user ${uid}`;
  const chat = createCometChat(app, deps);
  const found = await chat.get(uid, context);
  if (found.ok) return [passed(name, `is in ${app.name} already`)];
  if (found.error.reason !== "upstream-uid-unknown")
    return [failed(name, `could not be looked up: ${found.error.reason}`)];
  const deactivated = await chat.isDeactivated(uid, context);
  if (deactivated.ok && deactivated.value) {
    if (provisioning.reactivate && provisioning.mode === "create")
      return [passed(name, `is deactivated in ${app.name}; its sign-in reactivates it`)];
    return [
      failed(
        name,
        `is deactivated in ${app.name}: its sign-in is refused`,
        "Reactivate it (POST /v1/users/{uid}/reactivate, or the dashboard), or set PROVISIONING.reactivate.",
      ),
    ];
  }
  if (provisioning.mode === "create") return [passed(name, `is not in ${app.name} yet; its first sign-in creates it`)];
  return [
    failed(
      name,
      `is not in ${app.name}, and PROVISIONING.mode is "existing": its sign-in is refused`,
      'Create it (POST /v1/users), import your users (npm run migrate), or set PROVISIONING.mode = "create".',
    ),
  ];
}

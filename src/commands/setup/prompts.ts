import { readFileSync } from "node:fs";
import { isCancel, log, password, select, text } from "@clack/prompts";
import { REGIONS } from "../../cometchat/fields.ts";
import { isObject } from "../../shape.ts";
import { callersPath } from "../caller.ts";
import { isExampleApp } from "../examples.ts";
import type { Deployment } from "./deployment.ts";
import { entryOf, type IssuerAnswers, isOf, isShared, secretOf } from "./entry.ts";
import type { Flags } from "./flags.ts";
import { findIssuer, followers, type Indexed, newIndex, otherSecrets, presentIssuers } from "./issuers.ts";
import { type Answers, appName, problemOf } from "./plan.ts";
import { type Provider, providerOf, providers, type Question } from "./providers.ts";
import type { Table } from "./toml.ts";

/** The operator cancelled, so nothing is written. */
export class Cancelled extends Error {}

/** Asks for all answers, one after the other. The gateway's own schema checks each answer before the next question. */
export async function ask(
  deployment: Deployment,
  named: Pick<Flags, "app" | "issuer" | "add" | "replace">,
): Promise<Answers> {
  const { vars, secrets } = deployment;
  const app = appName(deployment, named.app, undefined);
  const present = presentIssuers(deployment);
  const current = (named.issuer === undefined ? undefined : findIssuer(deployment, named.issuer)) ?? present[0];
  let answers: Answers = { app, secrets: {} };
  const judge = (variable: string, more: Partial<Answers>) => problemOf(deployment, { ...answers, ...more }, variable);

  const apps = isObject(vars.COMETCHAT_APPS) ? vars.COMETCHAT_APPS : {};
  const known = isExampleApp(apps[app]) || !isObject(apps[app]) ? {} : apps[app];
  const variable = `COMETCHAT_APPS.${app}`;
  const appId = await line("App ID of your CometChat app (dashboard › API & Auth Keys)", known.appId, (value) =>
    judge(`${variable}.appId`, { appId: value }),
  );
  const region = String(
    await answered(
      select({
        message: "Region of the app",
        options: REGIONS.map((value) => ({ value, label: value })),
        initialValue: REGIONS.find((one) => one === known.region) ?? "us",
      }),
    ),
  );
  answers = { ...answers, appId, region };
  const keyName = typeof known.apiKeySecret === "string" ? known.apiKeySecret : "COMETCHAT_API_KEY";
  const key = await hidden("REST API key of scope fullAccess (same page)", secrets[keyName] !== undefined, (value) =>
    judge(keyName, { secrets: { [keyName]: value } }),
  );
  if (key !== undefined) answers = { ...answers, secrets: { [keyName]: key } };

  const before =
    Array.isArray(vars.ALLOWED_ORIGINS) && isObject(known) && known.appId !== undefined
      ? vars.ALLOWED_ORIGINS.join(" ")
      : undefined;
  const origins = words(
    await line(
      "Web origins of your app, separated by spaces",
      before,
      (value) => judge("ALLOWED_ORIGINS", { origins: words(value) }),
      "https://app.example.com",
    ),
  );
  answers = { ...answers, origins };

  const provider = await chooseProvider(current?.entry);
  const earlier = [...(current ? [current] : []), ...present].find(({ entry }) => isOf(provider, entry))?.entry;
  const originChange = { now: origins, before: Array.isArray(vars.ALLOWED_ORIGINS) ? vars.ALLOWED_ORIGINS : [] };
  const entryAt = (index: number, replies: IssuerAnswers) =>
    entryOf(
      provider,
      { ...replies, origins: originChange, taken: otherSecrets(deployment, index) },
      present.find((one) => one.index === index)?.entry,
    );
  const indexOf = (issuer: string) => present.find(({ entry }) => entry.issuer === issuer)?.index;
  const replies = await askIssuer(provider, earlier ?? {}, (replies, setting) => {
    const index = indexOf(replies.issuer) ?? newIndex(deployment);
    return judge(`SESSION_ISSUERS[${index}].${setting}`, { issuers: [{ index, entry: entryAt(index, replies) }] });
  });
  const index = indexOf(replies.issuer) ?? (await choosePlace(present, replies.issuer, named)) ?? newIndex(deployment);
  const issuer = entryAt(index, replies);
  answers = { ...answers, issuers: [{ index, entry: issuer }, ...followers(deployment, origins, index)] };
  const isAdded = present.length > 0 && present.every((one) => one.index !== index);
  if (isAdded) {
    const added = { index, entry: issuer };
    answers = { ...answers, uids: await askUids([...present, added], (variable, uids) => judge(variable, { uids })) };
  }
  const name = secretOf(provider, issuer);
  if (provider.secret && name !== undefined) {
    const value = await hidden(provider.secret.ask, secrets[name] !== undefined, (secret) =>
      judge(name, { secrets: { ...answers.secrets, [name]: secret } }),
    );
    if (value !== undefined) answers = { ...answers, secrets: { ...answers.secrets, [name]: value } };
  }
  return answers;
}

async function chooseProvider(current: Readonly<Record<string, unknown>> | undefined): Promise<Provider> {
  const before = current && providers.find((provider) => isOf(provider, current));
  const name = await answered(
    select({
      message: "Who issues your users' sessions?",
      options: providers.map(({ name: value, label }) => ({ value, label })),
      maxItems: 20,
      ...(before && { initialValue: before.name }),
    }),
  );
  const provider = providerOf(name);
  if (!provider) throw new Cancelled();
  return provider;
}

/** Asks whether a new issuer is added. Resolves with the index of the entry that it replaces, or undefined. */
async function choosePlace(
  present: readonly Indexed[],
  issuer: string,
  { add, replace }: Pick<Flags, "add" | "replace">,
): Promise<number | undefined> {
  if (present.length === 0 || add) return undefined;
  const named = present.find(({ entry }) => entry.issuer === replace);
  if (named) return named.index;
  const answer = await answered(
    select({
      message: "The file has another issuer already. What should happen to it?",
      options: [
        { value: -1, label: `It stays, and ${issuer} is added` },
        ...present.map(({ index, entry }) => ({
          value: index,
          label: `${entry.issuer} is removed: the gateway will refuse its sessions`,
        })),
      ],
    }),
  );
  return answer === -1 ? undefined : answer;
}

/** Asks how the users of several issuers are told apart. Resolves with the settings of `uid` by the entry's index. */
async function askUids(
  entries: readonly Indexed[],
  judge: (variable: string, uids: Readonly<Record<number, Table>>) => Promise<string | undefined>,
): Promise<Readonly<Record<number, Table>>> {
  const isShared = await answered(
    select({
      message: "Who are the users of the issuers?",
      options: [
        { value: false, label: "Different people: each issuer gets a prefix for its uids" },
        { value: true, label: "The same people: the same subject is the same user, whichever issuer names it" },
      ],
    }),
  );
  if (isShared) return Object.fromEntries(entries.map(({ index }) => [index, { shared: true }]));
  let uids: Readonly<Record<number, Table>> = {};
  for (const { index, entry } of entries) {
    const uid = isObject(entry.uid) ? entry.uid : {};
    if (uid.prefix) continue;
    const prefix = await line(`Prefix for the uids of ${entry.issuer}, such as a_`, undefined, (value) =>
      judge(`SESSION_ISSUERS[${index}].uid.prefix`, { ...uids, [index]: { prefix: value } }),
    );
    uids = { ...uids, [index]: { prefix } };
  }
  return uids;
}

type Judge = (replies: IssuerAnswers, setting: string) => Promise<string | undefined>;

/** Asks the questions that this provider needs. */
async function askIssuer(
  provider: Provider,
  current: Readonly<Record<string, unknown>>,
  judge: Judge,
): Promise<IssuerAnswers> {
  const asked = async (question: Question, before: unknown, check: (value: string) => Promise<string | undefined>) =>
    line(question.ask, before ?? question.usual, check, question.example);
  const { from } = provider.issuer;
  // Whether an issuer has to be an address depends on where its keys come from.
  const unknown = { shared: isShared(provider), ...(provider.publicKey && { publicKey: "asked for later" }) };
  const issuer = from(
    await asked(provider.issuer, current.issuer, (value) => judge({ ...unknown, issuer: from(value) }, "issuer")),
  );
  if (issuer !== current.issuer) log.info(`issuer = ${JSON.stringify(issuer)}`);

  let replies: IssuerAnswers = { issuer, shared: isShared(provider) };
  const { either, audience, parties } = provider;
  const options = Object.entries(either ?? {}).map(([value, label]) => ({ value, label }));
  const usual =
    current.authorizedParties !== undefined ? "parties" : current.audience !== undefined ? "audience" : undefined;
  const kind =
    either &&
    (await answered(
      select({
        message: "Which tokens do your clients send as sessions?",
        options,
        ...(usual && { initialValue: usual }),
      }),
    ));
  replies = { ...replies, only: kind };
  if (audience && kind !== "parties") {
    const given = await asked(audience, list(current.audience), (value) =>
      judge({ ...replies, audience: words(value) }, "audience"),
    );
    replies = { ...replies, audience: words(given) };
  }
  if (typeof parties === "object" && kind !== "audience") {
    const given = await asked(parties, list(current.authorizedParties), (value) =>
      judge({ ...replies, parties: words(value) }, "authorizedParties"),
    );
    replies = { ...replies, parties: words(given) };
  }
  if (provider.secret?.optional) {
    const shared = await answered(
      select({
        message: provider.secret.optional,
        options: [
          { value: false, label: "Signing keys" },
          { value: true, label: "Legacy JWT secret" },
        ],
        initialValue: current.secret !== undefined,
      }),
    );
    replies = { ...replies, shared };
  }
  if (provider.publicKey) {
    const isKnown = current.publicKey !== undefined;
    const question = provider.publicKey.ask + (isKnown ? "; leave it empty to keep the one in wrangler.toml" : "");
    const path = await answered(
      text({
        message: question,
        placeholder: isKnown ? "" : provider.publicKey.example,
        validate: async (value) => {
          if (!value?.trim()) return isKnown ? undefined : "An answer is needed.";
          const publicKey = contentOf(value.trim());
          return publicKey === undefined ? "There is no such file." : judge({ ...replies, publicKey }, "publicKey");
        },
      }),
    );
    replies = { ...replies, publicKey: path?.trim() ? contentOf(path.trim()) : undefined };
  }
  if (provider.name === "workos" && !/\/client_\w+$/.test(issuer)) {
    const jwksUrl = await line(
      "Address of the keys (JWKS)",
      current.jwksUrl,
      (value) => judge({ ...replies, jwksUrl: value }, "jwksUrl"),
      "https://api.workos.com/sso/jwks/client_01ABC",
    );
    replies = { ...replies, jwksUrl };
  }
  return replies;
}

/** Asks for one line. `check` returns what is wrong with it. */
async function line(
  message: string,
  before: unknown,
  check: (value: string) => Promise<string | undefined>,
  placeholder?: string,
): Promise<string> {
  const answer = await answered(
    text({
      message,
      ...(placeholder !== undefined && { placeholder }),
      ...(typeof before === "string" && { initialValue: before }),
      validate: async (value) => (value?.trim() ? check(value.trim()) : "An answer is needed."),
    }),
  );
  return answer.trim();
}

/** Asks for a secret without showing it. Undefined if it is set already and the operator leaves it as it is. */
async function hidden(
  message: string,
  isKnown: boolean,
  check: (value: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const answer = await answered(
    password({
      message: isKnown ? `${message}; leave it empty to keep the one in .dev.vars` : message,
      validate: async (value) => (value?.trim() ? check(value.trim()) : isKnown ? undefined : "An answer is needed."),
    }),
  );
  return answer?.trim() || undefined;
}

async function answered<T>(prompt: Promise<T>): Promise<Exclude<T, symbol>> {
  const answer = await prompt;
  if (isCancel(answer)) throw new Cancelled();
  return answer as Exclude<T, symbol>;
}

const words = (value: string): string[] => value.split(/[\s,]+/).filter((word) => word !== "");
const list = (value: unknown) => (Array.isArray(value) ? value.join(" ") : undefined);

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(callersPath(path), "utf8").trim();
  } catch {
    return undefined;
  }
}

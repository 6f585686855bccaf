import type { Answer } from "./answers.ts";

export type Surface = "rest" | "client";

/** The names of all calls. Faults and the journal use them. */
export type CallName =
  | "create"
  | "list"
  | "get"
  | "update"
  | "deactivate"
  | "reactivate"
  | "mint"
  | "tokens"
  | "token"
  | "annotate"
  | "revoke"
  | "flush"
  | "import"
  | "roles"
  | "role"
  | "createRole"
  | "deleteRole"
  | "login"
  | "logout"
  | "session"
  | "settings"
  | "me"
  | "peers"
  | "peer"
  | "conversations"
  | "userConversation"
  | "groupConversation"
  | "userMessages"
  | "groupMessages"
  | "send"
  | "readUser"
  | "readGroup"
  | "groups"
  | "group"
  | "members"
  | "preflight"
  | "unknown";

/** A call, as its handler gets it. */
export interface Call {
  name: CallName;
  surface: Surface;
  /** The `{uid}` of the path, in lower case. */
  uid: string;
  /** The `{authToken}`, `{role}` or `{guid}` of the path. */
  item: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** The auth token that was sent to the client API. */
  authToken: string;
  /**
   * The `resource` header of the SDK, which names the device. A device ignores the messages that it has sent itself.
   */
  device: string;
  signal: AbortSignal | undefined;
}

export type Handlers = Partial<Record<CallName, (call: Call) => Answer | Promise<Answer>>>;

type Route = readonly [method: string, path: string, name: CallName];

const rest: readonly Route[] = [
  ["POST", "users", "create"],
  ["GET", "users", "list"],
  ["PUT", "users", "reactivate"],
  ["DELETE", "users", "deactivate"],
  ["GET", "users/:uid", "get"],
  ["PUT", "users/:uid", "update"],
  ["DELETE", "users/:uid", "deactivate"],
  ["POST", "users/:uid/auth_tokens", "mint"],
  ["GET", "users/:uid/auth_tokens", "tokens"],
  ["DELETE", "users/:uid/auth_tokens", "flush"],
  ["GET", "users/:uid/auth_tokens/:item", "token"],
  ["PUT", "users/:uid/auth_tokens/:item", "annotate"],
  ["DELETE", "users/:uid/auth_tokens/:item", "revoke"],
  ["POST", "data_import/users", "import"],
  ["GET", "roles", "roles"],
  ["POST", "roles", "createRole"],
  ["GET", "roles/:item", "role"],
  ["DELETE", "roles/:item", "deleteRole"],
];

const client: readonly Route[] = [
  ["PUT", "me", "login"],
  ["DELETE", "me", "logout"],
  ["GET", "me", "me"],
  ["POST", "user_sessions", "session"],
  ["GET", "settings", "settings"],
  ["GET", "users", "peers"],
  ["GET", "users/:uid", "peer"],
  ["GET", "conversations", "conversations"],
  ["GET", "users/:uid/conversation", "userConversation"],
  ["GET", "groups/:item/conversation", "groupConversation"],
  ["GET", "users/:uid/messages", "userMessages"],
  ["GET", "groups/:item/messages", "groupMessages"],
  ["POST", "users/:uid/conversation/read", "readUser"],
  ["POST", "groups/:item/conversation/read", "readGroup"],
  ["POST", "messages", "send"],
  ["GET", "groups", "groups"],
  ["GET", "groups/:item", "group"],
  ["GET", "groups/:item/members", "members"],
];

export interface Located {
  surface: Surface;
  /** The app and region in the host name. A host that is not CometChat's, such as 127.0.0.1, names none. */
  app?: { id: string; region: string };
  /** False for a host under cometchat.io that is not an API. */
  hosted: boolean;
  version: string;
  name: CallName;
  uid: string;
  item: string;
}

/**
 * Finds out which call a request makes. CometChat's host names tell the surface, the app and the region. On any other
 * host, such as 127.0.0.1, the path and the credential decide which surface it is.
 */
export function locate(method: string, url: URL, headers: Headers): Located {
  const cometchat = /^(?:.+\.)?cometchat\.io$/.test(url.hostname);
  const host = /^([^.]+)\.(api|apiclient)-([a-z]+)\.cometchat\.io$/.exec(url.hostname);
  const segments = url.pathname.split("/").slice(1).map(decode);
  const version = segments[0] ?? "";
  const path = segments.slice(1);
  const only: Surface | undefined = host ? (host[2] === "api" ? "rest" : "client") : undefined;

  const asRest = only === "client" ? undefined : find(rest, method, path);
  const asClient = only === "rest" ? undefined : find(client, method, path);
  // The SDK always sends its `appId` and never an API key.
  const sdk = headers.has("authtoken") || headers.has("appid");
  const credential = sdk && !headers.has("apikey") ? "client" : "rest";
  const preferred = asRest && asClient ? credential : asClient ? "client" : "rest";
  const surface = only ?? (asRest || asClient ? preferred : credential);
  const found = surface === "client" ? asClient : asRest;

  return {
    surface: method === "OPTIONS" ? (only ?? "client") : surface,
    ...(host && { app: { id: host[1] ?? "", region: host[3] ?? "" } }),
    hosted: !cometchat || host !== null,
    version,
    name: method === "OPTIONS" ? "preflight" : (found?.name ?? "unknown"),
    // CometChat lower-cases uids (documented). Whether it does so in a path is unknown; the simulator does.
    uid: (found?.uid ?? "").toLowerCase(),
    item: found?.item ?? "",
  };
}

function find(routes: readonly Route[], method: string, path: readonly (string | undefined)[]) {
  for (const [verb, pattern, name] of routes) {
    const parts = pattern.split("/");
    if (verb !== method || parts.length !== path.length) continue;
    const found = { name, uid: "", item: "" };
    const fits = parts.every((part, index) => {
      const segment = path[index];
      if (!segment) return false;
      if (part === ":uid") found.uid = segment;
      else if (part === ":item") found.item = segment;
      else return part === segment;
      return true;
    });
    if (fits) return found;
  }
  return undefined;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

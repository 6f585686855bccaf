import { type Answer, refuse, succeed } from "./answers.ts";
import type { Call, CallName, Handlers } from "./calls.ts";
import { conversationCalls } from "./conversations.ts";
import type { Token } from "./tokens.ts";
import type { User } from "./users.ts";
import { search, view } from "./views.ts";
import { seconds, type World } from "./world.ts";

/** The answer to a preflight. It allows the headers of the SDK, and not `apikey`: no browser may send an API key. */
export const preflight: Answer = {
  status: 204,
  raw: null,
  headers: {
    "access-control-allow-methods": "GET,POST,PUT,DELETE",
    "access-control-allow-headers": "appid,authtoken,content-type,resource,sdk",
  },
};

/** The part of the client API that CometChat's JavaScript SDK 4.2.0 calls for a login. It takes no API key. */
export function clientCalls(world: World): Handlers {
  const { users, tokens, switches } = world;

  /**
   * A call with an auth token. The token of a deactivated user works, because no source says that a deactivation
   * revokes it. In this way a test finds a gateway that deactivates a user without revoking the tokens.
   */
  function signedIn(handle: (user: User, token: Token, call: Call) => Answer) {
    return (call: Call): Answer => {
      const token = tokens.find(call.authToken);
      const user = token && users.find(token.uid);
      if (!token || !user) return refuse("AUTH_ERR_AUTH_TOKEN_NOT_FOUND", { token: call.authToken });
      return handle(user, token, call);
    };
  }

  const conversing = Object.entries(conversationCalls(world)).map(
    ([name, handle]) => [name as CallName, signedIn((user, _, call) => handle(user, call))] as const,
  );

  return {
    ...Object.fromEntries(conversing),
    login: signedIn((user, token, { body }) => {
      const deviceId = typeof body.deviceId === "string" ? body.deviceId : undefined;
      if (switches.bindDevices && token.deviceId && token.deviceId !== deviceId) {
        return refuse("ERR_AUTHTOKEN_UNAVAILABLE");
      }
      if (deviceId) token.deviceId ??= deviceId;
      user.lastActiveAt = seconds(world);
      // If the answer does not have the token, the SDK asks a second time. If it has no settings, the UI Kit asks for
      // them seven times.
      return succeed({ ...view(user), authToken: token.authToken, jwt: token.jwt, settings: settings(world) });
    }),
    // It is not documented whether a logout revokes the token. Here it does not, so the gateway has to revoke it.
    logout: signedIn(() => succeed({ success: true, message: "ok" })),
    me: signedIn((user, token) => succeed({ ...view(user), authToken: token.authToken })),
    session: signedIn((_, __, { body }) => succeed({ sessionId: body.sessionId })),
    settings: signedIn(() => succeed(settings(world))),
    peers: signedIn((_, __, { query }) =>
      search(
        users.all().filter((user) => user.deactivatedAt === undefined),
        query,
      ),
    ),
    peer: signedIn((_, __, { uid }) => {
      const user = users.active(uid);
      return user ? succeed(view(user)) : refuse("ERR_UID_NOT_FOUND", { uid });
    }),
  };
}

/** The settings of the app. The host names are required, because the SDK builds its addresses from them. */
function settings({ appId, region }: World) {
  return {
    CLIENT_API_HOST: `${appId}.apiclient-${region}.cometchat.io`,
    ADMIN_API_HOST: `${appId}.api-${region}.cometchat.io`,
    CHAT_API_VERSION: "v3.0",
    CHAT_HOST: `${appId}.websocket-${region}.cometchat.io`,
    CHAT_WSS_PORT: "443",
    APP_VERSION: 3,
    REGION: region,
    MODE: "DEFAULT",
    ANALYTICS_PING_DISABLED: true,
    extensions: [],
    parameters: {},
  };
}

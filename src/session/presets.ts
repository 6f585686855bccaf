/** An operator's entry in SESSION_ISSUERS, as it was written. */
type RawIssuer = { readonly issuer: string } & Readonly<Record<string, unknown>>;

/** Makes the default settings of an entry. The operator's own settings override them. */
export type Preset = (entry: RawIssuer) => Readonly<Record<string, unknown>>;

/**
 * The settings for each provider, by its own documentation. If a provider's tokens have no `aud`, no audience is
 * required unless the operator names one.
 */
export const presets: Readonly<Record<string, Preset>> = {
  // `iss` ends with a slash; `aud` is the API's identifier, and /userinfo besides.
  // https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens
  // https://auth0.com/docs/secure/tokens/json-web-tokens/locate-json-web-key-sets
  auth0: ({ issuer }) => ({
    jwksUrl: under(issuer, ".well-known/jwks.json"),
    algorithms: ["RS256", "PS256"],
    sessionIdClaim: "sid",
  }),

  // Sessions have no `aud`; a token with one was made by a template for another service. `azp` is the origin of the sign-in,
  // which authorizedParties should list, since any subdomain can set the cookie. `sts` is "pending" until the sign-in is
  // complete.
  // https://clerk.com/docs/guides/sessions/session-tokens
  // https://clerk.com/docs/guides/sessions/manual-jwt-verification
  clerk: (entry) => ({
    jwksUrl: under(entry.issuer, ".well-known/jwks.json"),
    algorithms: ["RS256"],
    audience: [],
    audienceRequired: named(entry, "audience"),
    cookie: "__session",
    sessionIdClaim: "sid",
    treatPendingAsSignedOut: true,
  }),

  // A project with the legacy secret needs secret = "SUPABASE_JWT_SECRET". Users can edit their user_metadata, so it may be
  // used for a name and never for a role.
  // https://supabase.com/docs/guides/auth/jwt-fields https://supabase.com/docs/guides/auth/signing-keys
  supabase: ({ issuer }) => ({
    jwksUrl: under(issuer, ".well-known/jwks.json"),
    algorithms: ["ES256", "RS256"],
    audience: ["authenticated"],
    sessionIdClaim: "session_id",
    profile: { name: "user_metadata.full_name", avatar: "user_metadata.avatar_url" },
  }),

  // `aud` is the project's id, which the issuer ends with. Its discovery document is not where OpenID Connect has it.
  // https://firebase.google.com/docs/auth/admin/verify-id-tokens#verify_id_tokens_using_a_third-party_jwt_library
  firebase: ({ issuer }) => ({
    jwksUrl: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    algorithms: ["RS256"],
    audience: segments(issuer).slice(-1),
  }),

  // ID tokens have `aud`: audience = ["<app client id>"]. Access tokens have `client_id` instead, and no name or
  // picture: authorizedParties = ["<app client id>"].
  // https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
  cognito: (entry) => ({
    jwksUrl: under(entry.issuer, ".well-known/jwks.json"),
    algorithms: ["RS256"],
    audienceRequired: named(entry, "audience") || !named(entry, "authorizedParties"),
    sessionIdClaim: "origin_jti",
  }),

  // One tenant: the issuer of tokens of version 2.0 is https://login.microsoftonline.com/<tenant id>/v2.0, that of 1.0
  // https://sts.windows.net/<tenant id>/, and both are signed with the same keys. `sub` is another one in each
  // application, `oid` the same in all.
  // https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
  // https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-tokens
  entra: ({ issuer }) => {
    const [tenant] = segments(issuer);
    const isGlobal = ["login.microsoftonline.com", "sts.windows.net"].includes(URL.parse(issuer)?.hostname ?? "");
    return {
      // Elsewhere (External ID, national clouds) the issuer has a discovery document of its own.
      ...(isGlobal && { jwksUrl: `https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys` }),
      algorithms: ["RS256"],
      sessionIdClaim: "sid",
      uid: { claim: "oid" },
      profile: { name: "name" },
    };
  },

  // Access tokens of a custom authorization server (those of the org's own are for Okta alone). Their `sub` is the
  // user's login, which can change hands; `uid` is the user. ID tokens have no `uid`: uid = { claim = "sub" }.
  // https://developer.okta.com/docs/reference/api/oidc/#access-token
  // https://developer.okta.com/docs/guides/validate-access-tokens/
  okta: () => ({ algorithms: ["RS256"], sessionIdClaim: "sid", uid: { claim: "uid" } }),

  // Without an audience mapper `aud` is "account" or missing, and `azp` the client: authorizedParties = ["<client id>"].
  // https://www.keycloak.org/securing-apps/oidc-layers
  // https://www.keycloak.org/docs/latest/server_admin/#_audience
  keycloak: (entry) => ({
    jwksUrl: under(entry.issuer, "protocol/openid-connect/certs"),
    audienceRequired: named(entry, "audience") || !named(entry, "authorizedParties"),
    sessionIdClaim: "sid",
  }),

  // No `aud`; the keys are one environment's, by its client id. Issuers that do not end with the client id (AuthKit's
  // own domain) have a discovery document. A name is there only where a JWT template adds it.
  // https://workos.com/docs/reference/authkit/session-tokens
  workos: (entry) => {
    const client = segments(entry.issuer).at(-1);
    const origin = URL.parse(entry.issuer)?.origin;
    // Without the client id the address of the keys is not known, and the configuration reports jwksUrl as wrong.
    const clientId = client?.startsWith("client_") ? client : origin === "https://api.workos.com" ? "" : undefined;
    return {
      ...(clientId !== undefined && { jwksUrl: clientId && `${origin}/sso/jwks/${clientId}` }),
      algorithms: ["RS256"],
      audience: [],
      audienceRequired: named(entry, "audience"),
      sessionIdClaim: "sid",
    };
  },

  // The JWT plugin: `iss` and `aud` are the baseURL. A baseURL with a path is the API's own, one without has /api/auth.
  // https://better-auth.com/docs/plugins/jwt
  "better-auth": ({ issuer }) => ({
    jwksUrl: under(issuer, segments(issuer).length > 0 ? "jwks" : "api/auth/jwks"),
    algorithms: ["EdDSA", "ES256", "ES512", "RS256", "PS256"],
    audience: [issuer],
    profile: { name: "name", avatar: "image" },
  }),

  // By default sessions are encrypted, and the gateway cannot read them. They can be used if jwt.encode and jwt.decode are
  // replaced by functions that sign (HS256, with iss and exp, and an audience or none).
  // https://authjs.dev/reference/core/jwt https://authjs.dev/reference/core#jwt
  authjs: (entry) => signedCookie(entry, "AUTH_SECRET", "authjs.session-token"),

  // The same of NextAuth.js 4. https://next-auth.js.org/configuration/options#jwt
  nextauth: (entry) => signedCookie(entry, "NEXTAUTH_SECRET", "next-auth.session-token"),
};

/**
 * Of these, the ones that send back-channel logouts (OpenID Connect Back-Channel Logout 1.0).
 * https://auth0.com/docs/authenticate/login/logout/back-channel-logout
 * https://www.keycloak.org/docs/latest/server_admin/#_oidc-logout
 */
export const SENDS_LOGOUT: ReadonlySet<string> = new Set(["auth0", "keycloak"]);

function signedCookie(entry: RawIssuer, secret: string, cookie: string): ReturnType<Preset> {
  const isSecure = entry.issuer.startsWith("https:");
  return {
    secret,
    algorithms: ["HS256"],
    audienceRequired: named(entry, "audience"),
    cookie: isSecure ? `__Secure-${cookie}` : cookie,
  };
}

const named = (entry: RawIssuer, key: string): boolean => entry[key] !== undefined;

const under = (issuer: string, path: string): string => `${issuer.replace(/\/$/, "")}/${path}`;

/** The parts of the issuer's path. */
const segments = (issuer: string): string[] => (URL.parse(issuer)?.pathname ?? "").split("/").filter(Boolean);

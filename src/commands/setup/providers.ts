/** A question about a setting that the provider's preset does not know. */
export interface Question {
  readonly ask: string;
  readonly example: string;
  /** The default answer. */
  readonly usual?: string;
}

/** An identity provider, and what setup asks about it. */
export interface Provider {
  /** Its name for `--preset`. */
  readonly name: string;
  readonly label: string;
  /** Whether the gateway has a preset of this name. */
  readonly isPreset: boolean;
  readonly issuer: Question & {
    /** Makes the exact issuer of what the operator finds in the provider's dashboard. */
    readonly from: (text: string) => string;
  };
  readonly audience?: Question;
  /** The client that sessions are issued to (azp): a question, or the same as the web origins. */
  readonly parties?: Question | "origins";
  /** The labels of the provider's two kinds of tokens: one is checked by audience, the other by parties. */
  readonly either?: { readonly audience: string; readonly parties: string };
  /** The secret with its HMAC key. `optional`: the question whether it is used, if public keys are possible as well. */
  readonly secret?: { readonly name: string; readonly ask: string; readonly optional?: string };
  readonly publicKey?: Question;
}

const https = (text: string) => (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
const bare = (text: string) => https(text).replace(/\/+$/, "");
const asIs = (text: string) => text;

const openid: Provider = {
  name: "openid-connect",
  label: "Any OpenID Connect provider",
  isPreset: false,
  issuer: { ask: "Issuer, as in its discovery document", example: "https://auth.example.com", from: https },
  audience: { ask: "Audience of the sessions (aud)", example: "chat" },
};

export const providers: readonly Provider[] = [
  {
    name: "auth0",
    label: "Auth0",
    isPreset: true,
    issuer: {
      ask: "Domain (Applications › your application)",
      example: "tenant.eu.auth0.com",
      from: (text) => `${bare(text)}/`,
    },
    audience: { ask: "Identifier of your API (Applications › APIs)", example: "https://api.example.com" },
  },
  {
    name: "clerk",
    label: "Clerk",
    isPreset: true,
    issuer: { ask: "Frontend API URL (Configure › API keys)", example: "https://clerk.example.com", from: bare },
    parties: "origins",
  },
  {
    name: "supabase",
    label: "Supabase Auth",
    isPreset: true,
    issuer: {
      ask: "Project URL (Project Settings › Data API)",
      example: "https://abcdefghijkl.supabase.co",
      from: (text) => {
        const url = bare(/^[a-z0-9]+$/.test(text) ? `${text}.supabase.co` : text);
        return url.endsWith("/auth/v1") ? url : `${url}/auth/v1`;
      },
    },
    secret: {
      name: "SUPABASE_JWT_SECRET",
      ask: "Legacy JWT secret (Project Settings › JWT Keys)",
      optional: "Does the project use signing keys (new projects do), or the legacy JWT secret?",
    },
  },
  {
    name: "firebase",
    label: "Firebase Authentication",
    isPreset: true,
    issuer: {
      ask: "Project ID (Project settings › General)",
      example: "my-project",
      from: (text) => (text.includes("/") ? bare(text) : `https://securetoken.google.com/${text}`),
    },
  },
  {
    name: "cognito",
    label: "Amazon Cognito",
    isPreset: true,
    issuer: {
      ask: "User pool ID",
      example: "eu-central-1_AbCdEfGhI",
      from: (text) =>
        /^[a-z0-9-]+_\w+$/.test(text) ? `https://cognito-idp.${text.split("_")[0]}.amazonaws.com/${text}` : bare(text),
    },
    audience: { ask: "App client ID", example: "1h57kf5cpq17m0eml12EXAMPLE" },
    parties: { ask: "App client ID", example: "1h57kf5cpq17m0eml12EXAMPLE" },
    either: { audience: "ID tokens (they have the user's name)", parties: "Access tokens" },
  },
  {
    name: "entra",
    label: "Microsoft Entra ID",
    isPreset: true,
    issuer: {
      ask: "Directory (tenant) ID",
      example: "00000000-0000-0000-0000-000000000000",
      from: (text) => (/^[0-9a-f-]{36}$/i.test(text) ? `https://login.microsoftonline.com/${text}/v2.0` : https(text)),
    },
    audience: { ask: "Application (client) ID", example: "00000000-0000-0000-0000-000000000000" },
  },
  {
    name: "okta",
    label: "Okta",
    isPreset: true,
    issuer: {
      ask: "Issuer URI (Security › API)",
      example: "https://org.okta.com/oauth2/default",
      from: (text) =>
        /^[^/]+\.okta(preview)?\.com\/?$/.test(text.replace(/^https:\/\//, ""))
          ? `${bare(text)}/oauth2/default`
          : bare(text),
    },
    audience: { ask: "Audience of the authorization server", example: "api://default", usual: "api://default" },
  },
  {
    name: "keycloak",
    label: "Keycloak",
    isPreset: true,
    issuer: { ask: "Address of the realm", example: "https://sso.example.com/realms/main", from: bare },
    audience: { ask: "Audience (of an audience mapper)", example: "chat" },
    parties: { ask: "Client ID", example: "web" },
    either: {
      parties: "By the client ID (azp), which needs no further setting",
      audience: "By the audience (aud), which needs an audience mapper",
    },
  },
  {
    name: "workos",
    label: "WorkOS AuthKit",
    isPreset: true,
    issuer: {
      ask: "Client ID, or the exact iss of your sessions",
      example: "client_01ABC",
      from: (text) => (/^client_\w+$/.test(text) ? `https://api.workos.com/user_management/${text}` : https(text)),
    },
  },
  {
    name: "better-auth",
    label: "better-auth, with its JWT plugin",
    isPreset: true,
    issuer: { ask: "baseURL of better-auth", example: "https://app.example.com", from: https },
  },
  {
    name: "authjs",
    label: "Auth.js, where it signs its sessions (HS256)",
    isPreset: true,
    issuer: { ask: "What your jwt.encode writes as iss", example: "https://app.example.com", from: https },
    secret: { name: "AUTH_SECRET", ask: "AUTH_SECRET of your app" },
  },
  {
    name: "nextauth",
    label: "NextAuth.js 4, where it signs its sessions (HS256)",
    isPreset: true,
    issuer: { ask: "What your jwt.encode writes as iss", example: "https://app.example.com", from: https },
    secret: { name: "NEXTAUTH_SECRET", ask: "NEXTAUTH_SECRET of your app" },
  },
  openid,
  {
    name: "hs256",
    label: "Your own backend, with a shared secret (HS256)",
    isPreset: false,
    issuer: { ask: "What your backend writes as iss", example: "my-backend", from: asIs },
    audience: { ask: "What your backend writes as aud", example: "chat", usual: "chat" },
    secret: {
      name: "SESSION_SECRET",
      ask: "The secret that your backend signs with (openssl rand -base64 32 makes one)",
    },
  },
  {
    name: "public-key",
    label: "Your own backend, with a key pair",
    isPreset: false,
    issuer: { ask: "What your backend writes as iss", example: "my-backend", from: asIs },
    audience: { ask: "What your backend writes as aud", example: "chat", usual: "chat" },
    publicKey: { ask: "File with the public key (PEM or JWK)", example: "public.pem" },
  },
];

/** Finds a provider by its name for `--preset`. */
export const providerOf = (name: string): Provider | undefined => providers.find((one) => one.name === name);

import { eachField, METADATA, REGIONS, UID_PATTERN, UNSETTABLE } from "../cometchat/fields.ts";
import { codes, type Part } from "../errors.ts";
import { URL_CHARS } from "../limits.ts";

type Json = Readonly<Record<string, unknown>>;

const text = { type: "string" };
const flag = { type: "boolean" };
const seconds = { type: "integer", description: "Seconds since 1970" };
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: Json, ...required: string[]): Json => ({
  type: "object",
  properties,
  ...(required.length > 0 && { required }),
});
const content = (schema: Json, type = "application/json"): Json => ({ content: { [type]: { schema } } });
const answer = (description: string, schema?: Json): Json => ({ description, ...(schema && content(schema)) });
const body = (schema: Json, required = true, type?: string): Json => ({
  requestBody: { required, ...content(schema, type) },
});
const parameter = (name: string, where: string, schema: Json = text): Json => ({
  name,
  in: where,
  required: true,
  schema,
});

const SESSION: readonly Part[] = ["request", "session", "subject", "keys", "body", "json", "cometchat"];
const BACKEND: readonly Part[] = ["request", "backend", "subject", "cometchat"];
const BACKEND_BODY: readonly Part[] = [...BACKEND, "body", "json"];

/** Describes one operation. `parts`: the parts of the gateway that can refuse it; their codes are grouped by status. */
function operation(summary: string, responses: Json, parts: readonly Part[], more: Json = {}): Json {
  const problems: Record<string, Json> = {};
  for (const [code, [status, , part]] of Object.entries(codes)) {
    if (part !== "always" && !parts.includes(part)) continue;
    const others = problems[status]?.description;
    problems[status] = {
      description: others ? `${others}, ${code}` : code,
      ...content(ref("Problem"), "application/problem+json"),
    };
  }
  return { summary, responses: { ...problems, ...responses }, ...more };
}

const bySession = { security: [{ session: [] }] };
const byBackend = { security: [{ backend: [] }] };
const done = { 204: answer("Done") };
const found = { 200: answer("The user", ref("User")) };
const uid = { parameters: [parameter("uid", "path", ref("Uid"))] };
const profile = {
  ...eachField(({ schema }) => schema as Json),
  metadata: METADATA.schema as Json,
};
const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: "null" }] });
const token = { authToken: text, uid: ref("Uid"), appId: text, region: { enum: REGIONS }, created: flag };

/** Adds the operation ids, by which generated clients name their functions: `GET /v1/users/{uid}` is `getUsersUid`. */
const named = (paths: Readonly<Record<string, Json>>): Json => {
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (Array.isArray(operation)) continue;
      const words = path.replace(/^\/v1|\.json/g, "").replace(/\W+(\w?)/g, (_, first: string) => first.toUpperCase());
      Object.assign(operation as object, { operationId: method + words });
    }
  }
  return paths;
};

/** The OpenAPI document of all endpoints. https://spec.openapis.org/oas/v3.1.1.html */
export const openapi = (): Json => ({
  openapi: "3.1.1",
  info: {
    title: "CometChat Edge Gateway",
    version: "1",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  security: [],
  paths: named({
    "/v1/token": {
      post: operation(
        "A CometChat auth token for a session",
        {
          200: answer("The session's own token", ref("Token")),
          201: answer("A new token", ref("Token")),
        },
        [...SESSION, "deactivated", "provisioning"],
        {
          ...bySession,
          ...body(object({ fresh: { ...flag, description: "A new token, not the session's own" } }), false),
        },
      ),
      delete: operation("Revokes the tokens of this session, or the one named", done, SESSION, {
        ...bySession,
        ...body(object({ authToken: text }), false),
      }),
    },
    "/v1/tokens": { delete: operation("Revokes every token of this user", done, SESSION, bySession) },
    "/v1/backchannel-logout": {
      post: operation(
        "OpenID Connect Back-Channel Logout 1.0",
        { 200: answer("Revoked") },
        ["request", "keys", "body", "cometchat"],
        body(object({ logout_token: text }, "logout_token"), true, "application/x-www-form-urlencoded"),
      ),
    },
    "/v1/users": {
      post: operation(
        "Provisions a user",
        { 200: answer("Existed already", ref("Provisioned")), 201: answer("Created", ref("Provisioned")) },
        [...BACKEND_BODY, "deactivated"],
        {
          ...byBackend,
          ...body(
            object({ subject: text, issuer: text, app: text, ...profile, withAuthToken: flag }, "subject", "name"),
          ),
        },
      ),
    },
    "/v1/users/{uid}": {
      ...uid,
      get: operation("The CometChat user", found, BACKEND, byBackend),
      patch: operation("Updates the profile; null removes a field", found, BACKEND_BODY, {
        ...byBackend,
        ...body(
          object({
            ...profile,
            ...Object.fromEntries(UNSETTABLE.map((field) => [field, orNull(profile[field])])),
          }),
        ),
      }),
      delete: operation("Flushes the tokens, then deactivates", done, BACKEND, byBackend),
    },
    "/v1/users/{uid}/reactivate": { ...uid, post: operation("Reactivates", done, BACKEND, byBackend) },
    "/v1/users/{uid}/tokens": { ...uid, delete: operation("Flushes the tokens", done, BACKEND, byBackend) },
    "/v1/webhooks/{issuer}": {
      parameters: [
        parameter("issuer", "path"),
        ...["id", "timestamp", "signature"].map((part) => parameter(`webhook-${part}`, "header")),
      ],
      post: operation(
        "User events of an identity provider (Standard Webhooks 1.0)",
        { 204: answer("Done, or nothing to do") },
        [...BACKEND, "body"],
        body({ type: "object" }),
      ),
    },
    "/healthz": { get: operation("Does the gateway run?", { 200: answer("Yes") }, []) },
    "/readyz": {
      get: operation(
        "Could a sign-in work now?",
        { 200: answer("Yes", ref("Ready")), 503: answer("No", ref("Ready")) },
        [],
      ),
    },
    "/openapi.json": { get: operation("This document", { 200: answer("OpenAPI 3.1") }, []) },
  }),
  components: {
    securitySchemes: {
      session: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
      backend: { type: "http", scheme: "bearer", description: "BACKEND_SECRET" },
    },
    schemas: {
      Uid: { type: "string", pattern: UID_PATTERN },
      Address: { type: "string", format: "uri", maxLength: URL_CHARS },
      Token: object({ ...token, expiresAt: { type: "string", format: "date-time" } }, ...Object.keys(token)),
      Provisioned: object(token, ...Object.keys(token).slice(1)),
      User: object(
        { uid: ref("Uid"), ...profile, status: text, createdAt: seconds, updatedAt: seconds },
        "uid",
        "name",
      ),
      Ready: object({ status: text, checks: { type: "array", items: { type: "object" } } }, "status", "checks"),
      Problem: object(
        {
          type: text,
          title: text,
          status: { type: "integer" },
          code: { enum: Object.keys(codes) },
          detail: text,
          requestId: text,
        },
        ...["type", "title", "status", "code", "requestId"],
      ),
    },
  },
});

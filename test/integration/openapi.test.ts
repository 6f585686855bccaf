import { describe, expect, it } from "vitest";
import { routes } from "../../src/app.ts";
import { codes } from "../../src/errors.ts";
import { createWorld } from "../support/world.ts";

type Json = Record<string, unknown>;
interface Operation {
  summary: string;
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  security?: Record<string, unknown>[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
}
interface Document {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Operation> & { parameters?: Json[] }>;
  components: { schemas: Record<string, Json>; securitySchemes: Record<string, Json> };
}

const read = async (): Promise<Document> => (await createWorld().call("/openapi.json")).json();

const operations = ({ paths }: Document): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, { parameters: _, ...methods }]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

/** The document, and every object in it. */
function* objects(value: unknown): Generator<Json> {
  if (typeof value !== "object" || value === null) return;
  yield value as Json;
  for (const part of Object.values(value)) yield* objects(part);
}

describe("GET /openapi.json", () => {
  it("is OpenAPI 3.1, as JSON", async () => {
    const response = await createWorld().call("/openapi.json");
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    const document = (await response.json()) as Document;
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
  });

  it("lists every route of the gateway, and no other", async () => {
    const addresses = routes.flatMap(({ path, methods }) =>
      Object.keys(methods).map((method) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
    );
    expect(addresses).toContain("POST /v1/token");
    expect(
      operations(await read())
        .map(([name]) => name)
        .sort(),
    ).toEqual(addresses.sort());
  });

  it("lists every error code, and for each operation the codes of its refusals", async () => {
    const document = await read();
    expect(document.components.schemas.Problem).toMatchObject({ properties: { code: { enum: Object.keys(codes) } } });
    const described = new Set<string>();
    for (const [, { responses }] of operations(document)) {
      for (const [status, { description, content }] of Object.entries(responses)) {
        if (!content?.["application/problem+json"]) continue;
        for (const code of description.split(", ")) {
          expect(codes).toHaveProperty([code, 0], Number(status));
          described.add(code);
        }
      }
    }
    expect([...described].sort()).toEqual(Object.keys(codes).sort());
  });

  it("has a schema for each reference, and a reference to each schema", async () => {
    const document = await read();
    const used = new Set([...objects(document)].map(({ $ref }) => $ref).filter((ref) => ref !== undefined));
    const defined = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...used].sort()).toEqual(defined.sort());
  });

  it("describes every answer, and each parameter of a path", async () => {
    const { paths, ...document } = await read();
    for (const [path, { parameters = [] }] of Object.entries(paths)) {
      const declared = parameters.filter((one) => one.in === "path").map(({ name }) => name);
      expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      for (const parameter of parameters)
        expect(parameter).toMatchObject({ required: true, schema: expect.any(Object) });
    }
    for (const [name, operation] of operations({ paths, ...document })) {
      expect(operation.summary, name).toMatch(/\w/);
      expect(
        Object.keys(operation.responses).some((status) => /^[25]0\d$/.test(status)),
        name,
      ).toBe(true);
      for (const [status, { description }] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[2-5]\d\d$/);
        expect(description, `${name} ${status}`).toMatch(/\w/);
      }
      for (const scheme of operation.security ?? []) {
        for (const key of Object.keys(scheme)) expect(document.components.securitySchemes).toHaveProperty([key]);
      }
    }
  });

  it("says which credential each endpoint needs", async () => {
    const schemes = operations(await read()).map(([name, { security }]) => [name, Object.keys(security?.[0] ?? {})[0]]);
    for (const [name = "", scheme] of schemes) {
      const expected = /\/v1\/users/.test(name) ? "backend" : /\/v1\/tokens?$/.test(name) ? "session" : undefined;
      expect([name, scheme]).toEqual([name, expected]);
    }
  });

  it("has the members of the gateway's answers: of a token, a user and a problem", async () => {
    const { components } = await read();
    const keys = (name: string) => Object.keys((components.schemas[name] as { properties: Json }).properties);
    const world = createWorld({ env: { BACKEND_SECRET: "backend-secret-of-32-characters!" } });
    const signedIn = (await (await world.signIn({ subject: "alice" })).json()) as Json;
    expect(keys("Token")).toEqual([...Object.keys(signedIn), "expiresAt"]);
    const get = async (path: string) =>
      (await (
        await world.call(path, { headers: { Authorization: "Bearer backend-secret-of-32-characters!" } })
      ).json()) as Json;
    expect(keys("User")).toEqual(expect.arrayContaining(Object.keys(await get("/v1/users/alice"))));
    expect(keys("Problem")).toEqual(expect.arrayContaining(Object.keys(await get("/v1/users/A"))));
  });

  it("shows nothing of the configuration", async () => {
    const world = createWorld({ env: { BACKEND_SECRET: "the-secret-of-the-backend-0123456789" } });
    const text = await (await world.call("/openapi.json")).text();
    for (const value of ["idp.example", "2753", "app.example.com", "the-secret", "0123456789abcdef"]) {
      expect(text).not.toContain(value);
    }
  });

  it("is found by GET at this address alone", async () => {
    const world = createWorld();
    expect((await world.call("/openapi.json", { method: "POST" })).status).toBe(405);
    expect((await world.call("/openapi.yaml")).status).toBe(404);
  });
});

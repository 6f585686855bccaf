import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, it } from "vitest";
import { openapi } from "../../src/http/openapi.ts";

const lint = async (document: unknown): Promise<string[]> => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: "openapi.json", config });
  return problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`);
};

it("/openapi.json has no mistake and no warning of the OpenAPI linter", async () => {
  expect(await lint(openapi())).toEqual([]);
});

it("the OpenAPI linter finds a missing list of servers and a wrong operation", async () => {
  const { servers: _, ...rest } = openapi();
  expect(await lint(rest)).toEqual([expect.stringMatching(/^no-empty-servers/)]);
  expect(await lint({ ...openapi(), paths: { "/x": { get: {} } } })).not.toEqual([]);
});

it("/openapi.json has a different name for each operation, which a generated client uses for its functions", () => {
  const { paths } = openapi() as { paths: Record<string, Record<string, { operationId?: string }>> };
  const names = Object.values(paths).flatMap((path) => Object.values(path).flatMap((one) => one.operationId ?? []));
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(["postToken", "deleteTokens", "getUsersUid", "postBackchannelLogout"]));
});

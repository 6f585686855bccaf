import { type Schema, Validator } from "@cfworker/json-schema";
import { openapi as createDocument } from "../../src/http/openapi.ts";

interface DescribedAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
type Operations = Readonly<Record<string, { readonly responses?: Readonly<Record<string, DescribedAnswer>> }>>;
interface Document {
  readonly paths: Readonly<Record<string, Operations>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const { paths, components } = createDocument() as unknown as Document;
const PROBLEM = "application/problem+json";

/**
 * The schema with all schemas that it refers to. Each object is closed, so that a test finds a member of an answer that
 * the document does not list.
 */
const complete = (schema: Schema): Schema => closeObjects({ ...schema, components }) as Schema;

function closeObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closeObjects);
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closeObjects(part)]));
  return "properties" in parts && parts.type === "object" ? { additionalProperties: false, ...parts } : parts;
}

const validators = new Map<Schema, Validator>();
function validatorOf(schema: Schema): Validator {
  // This library generates no code, which workerd would not run.
  const validator = validators.get(schema) ?? new Validator(complete(schema), "2020-12", false);
  validators.set(schema, validator);
  return validator;
}

const ANY_PROBLEM: Schema = { $ref: "#/components/schemas/Problem" };
const mismatches: string[] = [];

/**
 * Compares each answer of the gateway with /openapi.json. `test/support/setup.ts` fails a test in which an answer
 * differed from it.
 */
export const openapi = {
  async check(request: Request, response: Response): Promise<void> {
    const mismatch = mismatchOf(request, response, await response.text());
    const { pathname } = new URL(request.url);
    if (mismatch) mismatches.push(`${request.method} ${pathname} ${response.status}: ${mismatch}`);
  },
  /** Returns the mismatches since the last call. */
  mismatches: (): string[] => mismatches.splice(0),
};

function mismatchOf(request: Request, response: Response, text: string): string | undefined {
  // The Fetch standard defines OPTIONS. HEAD is answered as GET is, without the body.
  if (/^(OPTIONS|HEAD)$/.test(request.method)) return undefined;
  const type = response.headers.get("Content-Type")?.split(";")[0];
  const { pathname } = new URL(request.url);
  const operation = operationOf(request.method, pathname);
  const answer = operation?.responses?.[response.status];
  if (!operation) return response.status < 400 ? "the operation is not described" : problemMismatchOf(type, text);
  if (!answer) return "the status is not described";
  if (!answer.content) return undefined;
  const schema = type && answer.content[type]?.schema;
  if (!schema) return `is ${type}, not ${Object.keys(answer.content).join(", ")}`;
  return schemaMismatchOf(schema, text);
}

const problemMismatchOf = (type: string | undefined, text: string): string | undefined =>
  type === PROBLEM ? schemaMismatchOf(ANY_PROBLEM, text) : `is ${type}, not ${PROBLEM}`;

function operationOf(method: string, pathname: string) {
  const parts = pathname.split("/");
  const fits = (path: string) => {
    const own = path.split("/");
    return own.length === parts.length && own.every((part, index) => part.startsWith("{") || part === parts[index]);
  };
  const path = Object.keys(paths).find(fits);
  return path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
}

function schemaMismatchOf(schema: Schema, text: string): string | undefined {
  if (!text.startsWith("{")) return "is no JSON object";
  const { valid, errors } = validatorOf(schema).validate(JSON.parse(text));
  // Only the place and the rule are named. The value may be a token.
  return valid ? undefined : errors.map(({ instanceLocation, keyword }) => `${instanceLocation} ${keyword}`).join(", ");
}

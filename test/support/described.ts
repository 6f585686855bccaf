import { type Schema, Validator } from "@cfworker/json-schema";
import { openapi } from "../../src/http/openapi.ts";

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
type Operations = Readonly<Record<string, { readonly responses?: Readonly<Record<string, Described>> }>>;
interface Document {
  readonly paths: Readonly<Record<string, Operations>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const { paths, components } = openapi() as unknown as Document;
const PROBLEM = "application/problem+json";

/** A schema with those it refers to. Objects that list their members may have no other ones: an answer's are all listed. */
const complete = (schema: Schema): Schema => closed({ ...schema, components }) as Schema;

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closed(part)]));
  return "properties" in parts && parts.type === "object" ? { additionalProperties: false, ...parts } : parts;
}

const validators = new Map<Schema, Validator>();
function validatorOf(schema: Schema): Validator {
  // Written without code generation, which workerd does not allow.
  const validator = validators.get(schema) ?? new Validator(complete(schema), "2020-12", false);
  validators.set(schema, validator);
  return validator;
}

const ANY_PROBLEM: Schema = { $ref: "#/components/schemas/Problem" };
const undescribed: string[] = [];

/** Compares each answer of the gateway with /openapi.json; `test/support/setup.ts` asks after each test what did not fit. */
export const described = {
  async compare(request: Request, response: Response): Promise<void> {
    const complaint = complaintOf(request, response, await response.text());
    const { pathname } = new URL(request.url);
    if (complaint) undescribed.push(`${request.method} ${pathname} ${response.status}: ${complaint}`);
  },
  /** What did not fit since it was last asked. */
  complaints: (): string[] => undescribed.splice(0),
};

function complaintOf(request: Request, response: Response, text: string): string | undefined {
  // The Fetch standard's, not the API's; and what a GET answers, without its body.
  if (/^(OPTIONS|HEAD)$/.test(request.method)) return undefined;
  const type = response.headers.get("Content-Type")?.split(";")[0];
  const { pathname } = new URL(request.url);
  const operation = operationOf(request.method, pathname);
  const answer = operation?.responses?.[response.status];
  if (!operation) return response.status < 400 ? "an operation that is not described" : problemOf(type, text);
  if (!answer) return "a status that is not described";
  if (!answer.content) return undefined;
  const schema = type && answer.content[type]?.schema;
  if (!schema) return `is ${type}, not ${Object.keys(answer.content).join(", ")}`;
  return faultOf(schema, text);
}

const problemOf = (type: string | undefined, text: string): string | undefined =>
  type === PROBLEM ? faultOf(ANY_PROBLEM, text) : `is ${type}, not ${PROBLEM}`;

function operationOf(method: string, pathname: string) {
  const parts = pathname.split("/");
  const fits = (path: string) => {
    const own = path.split("/");
    return own.length === parts.length && own.every((part, index) => part.startsWith("{") || part === parts[index]);
  };
  const path = Object.keys(paths).find(fits);
  return path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
}

function faultOf(schema: Schema, text: string): string | undefined {
  if (!text.startsWith("{")) return "is no JSON object";
  const { valid, errors } = validatorOf(schema).validate(JSON.parse(text));
  // The place and the rule; never the value, which may be a token.
  return valid ? undefined : errors.map(({ instanceLocation, keyword }) => `${instanceLocation} ${keyword}`).join(", ");
}

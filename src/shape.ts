import * as z from "zod/mini";

/** An object of JSON's: neither a list nor null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * A value that holds a test. zod has a class for each kind of value and rule (text, number, boolean, enumeration, pattern,
 * range) and for records; one predicate does for all of them. Numbers, booleans and enumerations alone weighed 1.7 KiB
 * of the minified bundle. Where it does not hold, no further rule of the value is looked at. `message` is what an
 * operator is told to write instead; what is absent is said to be missing.
 */
export const is = <T>(test: (value: unknown) => boolean, message?: string): z.ZodMiniType<T> =>
  z
    .unknown()
    .check(z.refine(test, { abort: true, ...(message !== undefined && says(message)) })) as unknown as z.ZodMiniType<T>;

/** zod reports what is absent as a wrong type. */
export const says = (message: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? "is missing" : message),
});

export const text = is<string>((value) => typeof value === "string", "must be text");
export const flag = is<boolean>((value) => typeof value === "boolean", "must be true or false");
export const number = is<number>((value) => typeof value === "number");

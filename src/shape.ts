/** Whether a value is a JSON object: neither a list nor null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The path of a value in the checked document. */
type Path = readonly (string | number)[];

/** What is wrong with a value and what to write instead. The operator sees nothing else. */
export interface Flaw {
  readonly path: Path;
  readonly message: string;
}

/** Returns everything that is wrong with a value. If that is nothing, the value is a `T`. */
export type Shape<T> = ((value: unknown, path: Path) => readonly Flaw[]) & { readonly of?: T };
/** The shape of a value that may be left out. */
type Optional<T> = Shape<T> & { readonly optional: true };

/** The type that a shape describes. */
export type Output<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;
type Table<M extends Members> = {
  readonly [K in keyof M as M[K] extends { optional: true } ? never : K]: Output<M[K]>;
} & { readonly [K in keyof M as M[K] extends { optional: true } ? K : never]?: Output<M[K]> };

// This is own code because of its size: zod's smallest build was a ninth of the uploaded Worker.

const flaw = (value: unknown, path: Path, message: string): readonly Flaw[] => [
  { path, message: value === undefined ? "is missing" : message },
];

/** A value that passes a test. */
export const is =
  <T>(test: (value: unknown) => boolean, message: string): Shape<T> =>
  (value, path) =>
    test(value) ? [] : flaw(value, path, message);

export const text = is<string>((value) => typeof value === "string", "must be text");
export const flag = is<boolean>((value) => typeof value === "boolean", "must be true or false");
export const number = is<number>((value) => typeof value === "number", "must be a number");

/** A rule beyond the type, which is checked only if the type is right. */
export type Rule<T> = readonly [holds: (value: T) => boolean, message: string];

export const rules =
  <T>(shape: Shape<T>, ...more: readonly Rule<T>[]): Shape<T> =>
  (value, path) => {
    const flaws = shape(value, path);
    if (flaws.length > 0) return flaws;
    return more.filter(([holds]) => !holds(value as T)).map(([, message]) => ({ path, message }));
  };

export const optional = <T>(shape: Shape<T>): Optional<T | undefined> =>
  Object.assign(((value, path) => (value === undefined ? [] : shape(value, path))) as Shape<T | undefined>, {
    optional: true as const,
  });

export const list =
  <T>(of: Shape<T>, message: string): Shape<readonly T[]> =>
  (value, path) =>
    Array.isArray(value) ? value.flatMap((one, index) => of(one, [...path, index])) : flaw(value, path, message);

/** A table whose keys the operator chooses. */
export const record =
  <T>(of: Shape<T>, message: string): Shape<Readonly<Record<string, T>>> =>
  (value, path) =>
    isObject(value)
      ? Object.entries(value).flatMap(([key, one]) => of(one, [...path, key]))
      : flaw(value, path, message);

/** A table with these members. `unknown`: the message for other keys; without it they are allowed. */
export const table =
  <M extends Members>(members: M, message: string, unknown?: string): Shape<Table<M>> =>
  (value, path) => {
    if (!isObject(value)) return flaw(value, path, message);
    const own = (key: string) => (Object.hasOwn(value, key) ? value[key] : undefined);
    const wrong = Object.entries(members).flatMap(([key, member]) => member(own(key), [...path, key]));
    if (unknown === undefined) return wrong;
    const others = Object.keys(value).filter((key) => !Object.hasOwn(members, key));
    return [...wrong, ...others.map((key) => ({ path: [...path, key], message: unknown }))];
  };

/** Whether nothing is wrong with a value. */
export const fits = <T>(shape: Shape<T>, value: unknown): value is T => shape(value, []).length === 0;

/**
 * Whether a value is well-formed text, not blank, of at most `most` characters (code points, as MySQL's utf8mb4
 * counts).
 */
export const isTextOf = (value: unknown, most: number): value is string =>
  typeof value === "string" && value.isWellFormed() && value.trim() !== "" && [...value].length <= most;

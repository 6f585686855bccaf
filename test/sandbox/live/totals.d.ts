export function createTotals(): {
  clear(): void;
  /** `at` in milliseconds since 1970. */
  add(entry: { at: number; line: Record<string, unknown> }): void;
  read(now?: number): {
    counters: [name: string, value: string, note: string][];
    codes: [code: string, count: number, kind: string][];
    apps: { app: string; state: "open" | "closed"; calls: number; failed: number }[];
  };
};

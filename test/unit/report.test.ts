import { describe, expect, it } from "vitest";
import { REFUSALS_COUNTED_MS, REFUSALS_LOGGED } from "../../src/limits.ts";
import type { LogLine } from "../../src/telemetry/log.ts";
import { createReport, NUMBERS, pointOf, type RequestLine, TEXTS } from "../../src/telemetry/report.ts";
import { createTiming } from "../../src/telemetry/timing.ts";

const refused: RequestLine = {
  event: "request",
  route: "/v1/token",
  status: 401,
  code: "session-invalid",
  reason: "signature-wrong",
};

function reporting() {
  let time = 1_000_000;
  const lines: LogLine[] = [];
  const report = createReport({ now: () => time, log: (line) => void lines.push(line) });
  const points: AnalyticsEngineDataPoint[] = [];
  const metrics = { writeDataPoint: (point: AnalyticsEngineDataPoint) => void points.push(point) };
  return {
    lines,
    points,
    tell: (line: RequestLine, times = 1) => {
      for (let i = 0; i < times; i += 1) report(line, metrics as AnalyticsEngineDataset);
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

describe("a flood of the same refusal", () => {
  it("is logged a hundred times a minute, and counted after that", () => {
    const { lines, points, tell, pass } = reporting();
    tell(refused, REFUSALS_LOGGED + 900);
    expect(lines).toHaveLength(REFUSALS_LOGGED);
    expect(points).toHaveLength(REFUSALS_LOGGED + 900);
    pass(REFUSALS_COUNTED_MS);
    tell({ ...refused, status: 201, code: "ok" });
    expect(lines.slice(REFUSALS_LOGGED)).toEqual([
      {
        event: "refusals-not-logged",
        route: "/v1/token",
        code: "session-invalid",
        reason: "signature-wrong",
        count: 900,
        since: 1_000_000,
      },
      expect.objectContaining({ event: "request", status: 201 }),
    ]);
  });

  it("does not hide another refusal, a failure, or a success", () => {
    const { lines, tell } = reporting();
    tell(refused, REFUSALS_LOGGED + 1);
    const others = [
      { ...refused, reason: "key-unknown" },
      { ...refused, route: "/v1/tokens" },
      { ...refused, status: 503, code: "cometchat-unavailable", reason: "upstream-fault" },
      { ...refused, status: 201, code: "ok", reason: undefined },
    ];
    for (const line of others) tell(line);
    expect(lines.slice(REFUSALS_LOGGED)).toEqual(others);
  });

  it("is logged again in the next minute", () => {
    const { lines, tell, pass } = reporting();
    tell(refused, REFUSALS_LOGGED + 1);
    pass(REFUSALS_COUNTED_MS);
    tell(refused);
    expect(lines.at(-1)).toEqual(refused);
  });

  it("is not counted if it is a flood of failures, which are all logged", () => {
    const { lines, tell } = reporting();
    tell({ ...refused, status: 503, code: "keys-unavailable" }, 1000);
    expect(lines).toHaveLength(1000);
  });
});

describe("a data point", () => {
  it("has no more fields than Analytics Engine accepts", () => {
    expect(TEXTS.length).toBeLessThanOrEqual(20);
    expect(NUMBERS.length).toBeLessThanOrEqual(20);
  });

  it("has a value for each field, also if the request did not get that far", () => {
    expect(pointOf(refused)).toEqual({
      indexes: ["/v1/token"],
      blobs: ["/v1/token", "session-invalid", "", "", "", ""],
      doubles: [401, 0, 0, 0, 0, 0, 0, 0],
    });
  });
});

describe("a stage of a request", () => {
  it("is a span of the platform's trace, and is timed although it fails", async () => {
    let time = 0;
    const spans: string[] = [];
    const timing = createTiming(
      () => time,
      () => (name, work) => {
        spans.push(name);
        return work();
      },
    );
    const takes = (ms: number) => async () => {
      time += ms;
    };
    await timing.measure("session", takes(3));
    await expect(
      timing.measure("cometchat", async () => {
        time += 90;
        throw new Error("down");
      }),
    ).rejects.toThrow("down");
    expect(spans).toEqual(["session", "cometchat"]);
    expect(timing.stages()).toEqual({ session: 3, cometchat: 90, total: 93 });
  });
});

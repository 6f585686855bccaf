import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.ts";

/** Shows the progress of a command. */
export interface Progress {
  /** Begins a stage. `unit`: what is counted; `total`: how many there are, 0 if that is not known. */
  readonly stage: (title: string, unit: string, total: number) => void;
  readonly to: (value: number, failed?: number) => void;
  readonly end: () => void;
}

export const silent: Progress = { stage: () => {}, to: () => {}, end: () => {} };

type Out = Terminal["stderr"];

/** Seconds between two lines, if the output is not a terminal. */
const LINE_SECONDS = 10;

/** Shows a bar on a terminal; elsewhere it writes a line from time to time. */
export const createProgress = (out: Out, now: () => number): Progress =>
  out.isTTY && process.env.TERM !== "dumb" ? bar(out) : lines(out, now);

function bar(stream: Out): Progress {
  let current: SingleBar | undefined;
  let total = 0;
  let began = 0;
  const stop = () => {
    current?.stop();
    current = undefined;
  };
  return {
    stage(title, unit, of) {
      stop();
      total = of;
      began = performance.now();
      const known = total > 0 ? "{bar} {percentage}% · {shown}/{all}" : "{shown}";
      const format = `${title} ${known} ${unit} · {rate}/s${total > 0 ? " · {eta_formatted} left" : ""}{failures}`;
      current = new SingleBar(
        { stream, format, fps: 5, hideCursor: true, barsize: 20, etaBuffer: 50 },
        Presets.shades_classic,
      );
      current.start(total, 0, payload(0, total, 0, began));
    },
    to: (value, failed = 0) => current?.update(value, payload(value, total, failed, began)),
    end: stop,
  };
}

const payload = (value: number, total: number, failed: number, began: number) => ({
  shown: value.toLocaleString("en"),
  all: total.toLocaleString("en"),
  rate: Math.round(value / Math.max(0.001, (performance.now() - began) / 1000)).toLocaleString("en"),
  failures: failed > 0 ? ` · ${failed.toLocaleString("en")} failed` : "",
});

function lines(out: Out, now: () => number): Progress {
  let stage = { title: "", unit: "", total: 0, began: 0 };
  let lastLine = 0;
  return {
    stage(title, unit, total) {
      stage = { title, unit, total, began: now() };
      lastLine = now();
      out.write(`${title}${total > 0 ? `: ${total.toLocaleString("en")} ${unit}` : ""}\n`);
    },
    to(value, failed = 0) {
      if (now() - lastLine < LINE_SECONDS * 1000) return;
      lastLine = now();
      const seconds = (now() - stage.began) / 1000;
      const of = stage.total > 0 ? ` of ${stage.total.toLocaleString("en")}` : "";
      const left = stage.total > 0 && value > 0 ? Math.ceil((seconds / value) * (stage.total - value)) : undefined;
      const rest = left === undefined ? "" : `, ${left} s left`;
      const failures = failed > 0 ? `, ${failed.toLocaleString("en")} failed` : "";
      out.write(
        `${stage.title}: ${value.toLocaleString("en")}${of} ${stage.unit}, ${Math.round(value / seconds)}/s${rest}${failures}\n`,
      );
    },
    end: () => {},
  };
}

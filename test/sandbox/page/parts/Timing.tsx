/** Reads the gateway's `Server-Timing`, such as `session;dur=1.2, directory;dur=0.8`, as milliseconds by stage. */
function parse(header: string): Record<string, number> {
  const stages = header.split(",").map((metric) => {
    const [name = "", ...parameters] = metric.split(";").map((part) => part.trim());
    const duration = parameters.find((parameter) => parameter.startsWith("dur="));
    return [name, Number(duration?.slice("dur=".length) ?? Number.NaN)] as const;
  });
  return Object.fromEntries(stages.filter(([name, ms]) => name && Number.isFinite(ms)));
}

/**
 * A duration as text. 0 may stand for less than a millisecond, since a Worker's clock stands still while it computes.
 */
const milliseconds = (ms: number) =>
  ms === 0 ? "< 1 ms" : `${Number.isInteger(ms) || ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;

/** The stages as bars. Each one begins where the previous one ends. */
export function Timing({ header }: { header: string }) {
  const { total, ...stages } = parse(header);
  const sum = Object.values(stages).reduce((a, b) => a + b, 0);
  const whole = Math.max(total ?? sum, sum, 0.1);
  // The time outside of the stages: configuration, rate limits, reading the request and writing the answer.
  if (whole - sum >= 1) stages.other = whole - sum;
  let start = 0;
  return (
    <figure className="timing">
      <figcaption>
        Time by stage <strong>{milliseconds(whole)}</strong>
      </figcaption>
      {Object.entries(stages).map(([stage, ms]) => {
        const left = `min(${(100 * start) / whole}%, calc(100% - 3px))`;
        start += ms;
        return (
          <div key={stage} className="stage" data-stage={stage}>
            <span>{stage}</span>
            <span className="track">
              <span className="bar" style={{ marginLeft: left, width: `${(100 * ms) / whole}%` }} />
            </span>
            <span className="ms">{milliseconds(ms)}</span>
          </div>
        );
      })}
    </figure>
  );
}

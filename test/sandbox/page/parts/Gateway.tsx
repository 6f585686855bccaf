import { type Exchange, exchanges } from "../app/exchanges.ts";
import { useStore } from "../app/store.ts";
import { Step } from "./Step.tsx";
import { Timing } from "./Timing.tsx";

const SHOWN = 6;

/** The requests to the gateway. The last one is shown in full. */
export function Gateway() {
  const all = useStore(exchanges);
  const last = all.at(-1);
  const state = !last ? "waiting" : last.status === undefined ? "busy" : good(last) ? "done" : "failed";
  return (
    <Step name="gateway" title="Gateway" what="returns an auth token" state={state}>
      {last && (
        <>
          <ol className="exchanges" aria-label="Requests to the gateway">
            {all.slice(-SHOWN).map((exchange) => (
              <Line key={exchange.id} {...exchange} />
            ))}
          </ol>
          {last.answer && <Answer answer={last.answer} />}
          {last.problem && <Problem problem={last.problem} />}
          {last.timing && <Timing header={last.timing} />}
        </>
      )}
    </Step>
  );
}

const good = ({ status }: Exchange) => status !== undefined && status >= 200 && status < 300;

function Line(exchange: Exchange) {
  const { method, path, fresh, status, answer, retryAfter, pause } = exchange;
  const verdict = status === undefined ? "…" : status === 0 ? "no answer" : `${status} ${phrases[status] ?? ""}`.trim();
  return (
    <li>
      <span className="verb">{method}</span> <code>{path}</code>
      {fresh && <small>fresh</small>}
      <span className={status === undefined || good(exchange) ? "pill" : "pill bad"}>{verdict}</span>
      {status === 200 && method === "POST" && <span className="pill soft">this session’s own token</span>}
      {status === 201 && <span className="pill soft">{answer?.created ? "new user" : "new token"}</span>}
      {retryAfter && <small>Retry-After: {retryAfter} s</small>}
      {pause !== undefined && <small>waits {(pause / 1000).toFixed(1)} s</small>}
    </li>
  );
}

const phrases: Record<number, string> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  429: "Too Many Requests",
  502: "Bad Gateway",
  503: "Unavailable",
  504: "Timeout",
};

function Answer({ answer }: { answer: Record<string, unknown> }) {
  return (
    <dl className="facts">
      <dt>Auth token</dt>
      <dd>
        <code>{String(answer.authToken)}</code>
      </dd>
      <dt>User</dt>
      <dd>
        <code>{String(answer.uid)}</code>
      </dd>
      <dt>App</dt>
      <dd>
        <code>{String(answer.appId)}</code> in {String(answer.region)}
      </dd>
      {typeof answer.expiresAt === "string" && (
        <>
          <dt>Expires</dt>
          <dd>{new Date(answer.expiresAt).toLocaleString()}</dd>
        </>
      )}
    </dl>
  );
}

/** A problem, one member per line. The code is emphasized. */
function Problem({ problem }: { problem: Record<string, unknown> }) {
  return (
    <pre className="problem">
      {Object.entries(problem).map(([key, value], index) => (
        <span key={key}>
          {index > 0 && "\n"}
          <span className="key">{key}: </span>
          <span className={key === "code" ? "code" : undefined}>{String(value)}</span>
        </span>
      ))}
    </pre>
  );
}

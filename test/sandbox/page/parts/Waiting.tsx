import type { ChatSession, ChatState, GatewayError } from "cometchat-edge-gateway/client";
import { useEffect, useState } from "react";
import { exchanges, pause } from "../app/exchanges.ts";
import type { Identity, Login } from "../app/identity.ts";
import { useStore } from "../app/store.ts";
import { inWords } from "./words.ts";

/** Whether another attempt may succeed. That is so if something is down, and not if the session is wrong. */
export function mayPass(error: GatewayError | undefined): boolean {
  return error !== undefined && (error.code === "network" || [429, 503, 504].includes(error.status));
}

const PATIENCE_S = 15;

interface WaitingParts {
  login: Login;
  identity: Identity;
  chat: ChatSession;
  state: ChatState;
}

/** Shown during a sign-in, and after a failure that may pass. It tries again without the user. */
export function Waiting({ login, identity, chat, state }: WaitingParts) {
  const last = useStore(exchanges).findLast(({ method }) => method === "POST");
  const unreachable = useStore(identity.unreachable) || last?.status === 0;
  const code = String(state.error?.code ?? (unreachable ? "network" : (last?.problem?.code ?? "")));
  const failed = state.status === "failed";
  const pausing = useStore(pause);
  const wait = failed ? (state.error?.retryAfter ?? PATIENCE_S) * 1000 : pausing;

  useEffect(() => {
    if (state.status !== "failed") return;
    const again = () => void chat.signIn().catch(() => undefined);
    const timer = setTimeout(again, (state.error?.retryAfter ?? PATIENCE_S) * 1000);
    window.addEventListener("online", again);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("online", again);
    };
  }, [chat, state]);

  return (
    <section className="card waiting" aria-labelledby="waiting-title">
      <span className="spinner" aria-hidden="true" />
      <div>
        <h1 id="waiting-title">
          {failed ? "Not signed in yet" : "Signing in"} <small>{login.name}</small>
        </h1>
        <p role="status">
          {code ? inWords(code) : "Asking the gateway for an auth token."} {code && <code>{code}</code>}
        </p>
        {wait !== undefined && (
          <p className="next">
            The page tries again by itself <Countdown key={`${state.status} ${wait}`} ms={wait} />.
          </p>
        )}
        <p className="ways-out">
          {failed && (
            <button type="button" onClick={() => void chat.signIn().catch(() => undefined)}>
              Try now
            </button>
          )}
          <button
            type="button"
            onClick={() => {
              void chat.signOut().catch(() => undefined);
              identity.forget();
            }}
          >
            Cancel
          </button>
        </p>
      </div>
    </section>
  );
}

function Countdown({ ms }: { ms: number }) {
  const [left, setLeft] = useState(Math.ceil(ms / 1000));
  useEffect(() => {
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, seconds - 1)), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span className="countdown">{left > 0 ? `in ${left} s` : "now"}</span>;
}

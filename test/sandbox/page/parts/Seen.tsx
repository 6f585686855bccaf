import { Fragment } from "react";
import { shorten } from "../app/exchanges.ts";
import { useStore } from "../app/store.ts";
import { upstream } from "../app/upstream.ts";

const SHOWN = 8;

/** The last calls to CometChat, newest first. */
export function Calls() {
  const calls = useStore(upstream)
    .journal.filter(({ call }) => call !== "preflight")
    .slice(-SHOWN)
    .reverse();
  return (
    <section aria-labelledby="calls-title">
      <h2 id="calls-title">Calls to CometChat</h2>
      {calls.length === 0 && <p className="empty">No calls yet. Sign in to make the first one.</p>}
      <ol className="calls">
        {calls.map(({ id, method, path, status, outcome, surface, at }) => (
          <li key={id}>
            <code>
              {method}{" "}
              {legible(path).map((segment, index) => (
                // A path never changes, so the position of a segment is its key.
                // biome-ignore lint/suspicious/noArrayIndexKey: see above
                <Fragment key={index}>
                  /<wbr />
                  {segment}
                </Fragment>
              ))}
            </code>
            <span className={status && status < 400 ? "outcome" : "outcome bad"}>{status ?? outcome ?? "…"}</span>
            <span className="from">{surface === "client" ? "from the browser" : "from the gateway"}</span>
            <time className="when">{new Date(at).toLocaleTimeString([], { hour12: false })}</time>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The path without version and query. Long segments are shortened, since they may be tokens. */
function legible(path: string): string[] {
  const [place = ""] = path.split("?");
  return place
    .replace(/^\/v3(\.0)?\//, "")
    .split("/")
    .map(shorten);
}

/** The users who have signed in. The others are there only for the conversations. */
export function Users() {
  const { users } = useStore(upstream);
  const signedIn = users.filter(({ tags }) => !tags?.includes("colleague"));
  return (
    <section aria-labelledby="users-title">
      <h2 id="users-title">CometChat’s users</h2>
      {signedIn.length > 0 && (
        <table className="users">
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Tokens</th>
            </tr>
          </thead>
          <tbody>
            {signedIn.map(({ uid, name, tokens, deactivatedAt }) => (
              <tr key={uid}>
                <td>
                  <strong>{name}</strong> <code title={uid}>{shorten(uid)}</code>
                  {deactivatedAt && " deactivated"}
                </td>
                <td>{tokens}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="empty">
        {signedIn.length === 0 && "Nobody has signed in yet. "}
        {users.length > signedIn.length && `There are ${users.length - signedIn.length} colleagues to chat with.`}
      </p>
    </section>
  );
}

import type { ChatSession, GatewayError } from "cometchat-edge-gateway/client";
import { type FormEvent, useState } from "react";
import { notice } from "../app/chat.ts";
import type { Identity } from "../app/identity.ts";
import { look } from "../app/upstream.ts";
import { simulator } from "../app/wire.ts";
import { inWords } from "./words.ts";

const people = [
  { name: "Alice Liddell", subject: "alice" },
  { name: "Bob Moran", subject: "bob" },
  // This subject cannot be a uid, so the gateway derives one.
  { name: "Carol Danvers", subject: "auth0|64f1c0ffee" },
];

const kinds = { valid: "Valid", expired: "Expired", forged: "Forged", "foreign-audience": "For another app" };

const portrait = (name: string) => `/avatars/${encodeURIComponent(name)}.svg`;

export function Who({
  identity,
  chat,
  refused,
}: {
  identity: Identity;
  chat: ChatSession;
  refused?: GatewayError | undefined;
}) {
  const [subject, setSubject] = useState("alice");
  const [other, setOther] = useState("");
  const [kind, setKind] = useState("valid");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFailure(undefined);
    notice.set(undefined);
    const who = other.trim() || subject;
    const name = people.find((person) => person.subject === who)?.name ?? who;
    try {
      await identity.signIn({ subject: who, name, picture: simulator + portrait(name), kind });
      // If nobody was signed in, the page's hook starts a sign-in too. Both share one request.
      await chat.signIn().catch(() => undefined);
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
      void look().catch(() => undefined);
    }
  }

  return (
    <section className="card welcome" aria-labelledby="welcome-title">
      <div className="lede">
        <h1 id="welcome-title">From a session to a chat&nbsp;login</h1>
        <p>
          Everything here runs on this machine. The gateway, its client package and CometChat’s libraries are the real
          ones; the identity provider and CometChat itself are simulated.
        </p>
      </div>
      <form onSubmit={submit}>
        <fieldset>
          <legend>Who signs in?</legend>
          <div className="people">
            {people.map((person) => (
              <label key={person.subject}>
                <input
                  type="radio"
                  name="person"
                  value={person.subject}
                  checked={other === "" && subject === person.subject}
                  onChange={() => {
                    setSubject(person.subject);
                    setOther("");
                  }}
                />
                <span className="choice">
                  <img src={portrait(person.name)} width="34" height="34" alt="" />
                  <span>
                    <strong>{person.name}</strong>
                    <code title={person.subject}>{person.subject}</code>
                  </span>
                </span>
              </label>
            ))}
          </div>
          <label className="other">
            <span>Someone else’s subject</span>
            <input
              type="text"
              value={other}
              onChange={({ target }) => setOther(target.value)}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              placeholder="e.g. github|4711"
            />
          </label>
        </fieldset>
        <fieldset>
          <legend>With which session?</legend>
          <div className="segments">
            {Object.entries(kinds).map(([value, label]) => (
              <label key={value}>
                <input
                  type="radio"
                  name="kind"
                  value={value}
                  checked={kind === value}
                  onChange={() => setKind(value)}
                />
                <span className="segment">{label}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <button type="submit" className="primary" aria-disabled={busy}>
          Sign in
        </button>
        <p role="alert" className="failure">
          {failure}
          {!failure && !busy && refused && (
            <>
              {inWords(refused.code)} <code>{refused.code}</code>
            </>
          )}
        </p>
      </form>
    </section>
  );
}

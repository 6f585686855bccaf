import { shorten } from "../app/exchanges.ts";
import type { Identity } from "../app/identity.ts";
import { useStore } from "../app/store.ts";
import { Step } from "./Step.tsx";

/** The three parts of the session, and its claims. */
export function Session({ identity }: { identity: Identity }) {
  const issued = useStore(identity.issued);
  return (
    <Step name="session" title="Identity provider" what="issues the session" state={issued ? "done" : "waiting"}>
      {issued && (
        <>
          <p className="token">
            <code>
              {issued.session.split(".").map((part, index) => (
                <span key={part} className={`part-${index}`}>
                  {index > 0 && "."}
                  {shorten(part)}
                </span>
              ))}
            </code>
          </p>
          <dl className="claims">
            {order(issued.claims).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{reading(name, value)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </Step>
  );
}

/**
 * The claims in a fixed order: the user, the audience and the issuer first, then the times and ids, then all others.
 */
function order(claims: Record<string, unknown>): [string, unknown][] {
  const known = ["sub", "name", "aud", "iss", "iat", "exp", "sid", "jti"].filter((name) => name in claims);
  const others = Object.keys(claims).filter((name) => !known.includes(name) && name !== "picture");
  return [...known, ...others].map((name) => [name, claims[name]]);
}

function reading(name: string, value: unknown) {
  if (typeof value === "number" && ["exp", "iat", "nbf"].includes(name)) {
    const time = new Date(value * 1000);
    const passed = name === "exp" && time < new Date();
    return (
      <>
        <time dateTime={time.toISOString()}>{time.toLocaleTimeString([], { hour12: false })}</time>
        {passed && <small> expired</small>}
      </>
    );
  }
  return name === "jti" || name === "sid" ? shorten(String(value)) : String(value);
}

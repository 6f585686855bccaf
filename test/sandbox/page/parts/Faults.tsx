import { useStore } from "../app/store.ts";
import { addFault, look, removeFault, setOutage, upstream } from "../app/upstream.ts";

/** The two calls that a sign-in may make to CometChat. */
const GATEWAYS = ["create", "mint"];

/** The faults that can be switched on, in the form of the simulator's `POST /_sim/faults`. */
const known = [
  { title: "Slow", note: "1.5 s before each answer", match: GATEWAYS, effect: { kind: "delay", ms: 1500 } },
  {
    title: "Flaky",
    note: "every third call answers 500",
    match: GATEWAYS,
    effect: { kind: "error", status: 500, code: "ERR_OPERATION_FAILED" },
    probability: 1 / 3,
  },
  {
    title: "Down",
    note: "500 to every call of the gateway",
    match: GATEWAYS,
    effect: { kind: "error", status: 500, code: "ERR_EXCEPTION" },
  },
  { title: "Hangs", note: "never answers", match: GATEWAYS, effect: { kind: "hang" } },
  {
    title: "Loses answers",
    note: "does the call, then cuts the connection",
    match: GATEWAYS,
    effect: { kind: "drop" },
  },
  {
    title: "Rate limit",
    note: "429, retry after 15 s",
    match: GATEWAYS,
    effect: { kind: "error", status: 429, code: "ERR_TOO_MANY_REQUESTS", headers: { "retry-after": "15" } },
  },
  {
    title: "Plan exhausted",
    note: "402 to every call",
    match: GATEWAYS,
    effect: { kind: "error", status: 402, code: "ERR_PLAN_QUOTA_RESTRICTION" },
  },
  {
    title: "API key deleted",
    note: "answers that the key does not exist",
    match: GATEWAYS,
    effect: { kind: "wrongKey" },
  },
  { title: "Browser cut off", note: "no answer to the SDK", match: ["client"], effect: { kind: "reset" } },
] as const;

const outages = [
  { name: "down", title: "Down", note: "issues no session, publishes no keys" },
  { name: "unpublished", title: "New keys, unpublished", note: "signs with keys that the gateway cannot fetch" },
];

/** The switches for faults. The simulators say which are on, since another window or `curl` may have changed them. */
export function Faults() {
  const { faults, outage } = useStore(upstream);
  return (
    <>
      <section className="card failing" aria-labelledby="faults-title">
        <h2 id="faults-title">Make CometChat fail</h2>
        <div className="faults">
          {known.map(({ title, note, match, ...fault }) => {
            const inForce = faults.filter(
              (one) => match.some((name) => name === one.match) && same(one.effect, fault.effect),
            );
            const toggle = async () => {
              if (inForce.length > 0) await Promise.all(inForce.map(({ id }) => removeFault(id)));
              else await Promise.all(match.map((name) => addFault({ ...fault, match: name })));
              await look();
            };
            return <Switch key={title} title={title} note={note} on={inForce.length > 0} toggle={toggle} />;
          })}
        </div>
      </section>
      <section className="card failing" aria-labelledby="outages-title">
        <h2 id="outages-title">Make the identity provider fail</h2>
        <div className="faults">
          {outages.map(({ name, title, note }) => {
            const on = outage === name;
            const toggle = async () => {
              await setOutage(on ? "none" : name);
              await look();
            };
            return <Switch key={name} title={title} note={note} on={on} toggle={toggle} />;
          })}
        </div>
      </section>
    </>
  );
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

interface SwitchParts {
  title: string;
  note: string;
  on: boolean;
  toggle: () => Promise<void>;
}

function Switch({ title, note, on, toggle }: SwitchParts) {
  return (
    <label className="fault">
      <input
        type="checkbox"
        role="switch"
        aria-checked={on}
        checked={on}
        onChange={() => void toggle().catch(() => undefined)}
      />
      <span>
        {title}
        <small>{note}</small>
      </span>
    </label>
  );
}

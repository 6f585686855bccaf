import type { ChatSession } from "cometchat-edge-gateway/client";
import { useChatSession } from "cometchat-edge-gateway/react";
import { notice } from "../app/chat.ts";
import type { Identity } from "../app/identity.ts";
import type { Product } from "../app/products.ts";
import type { Settings } from "../app/settings.ts";
import { useStore } from "../app/store.ts";
import { simulator } from "../app/wire.ts";
import { Chat } from "./Chat.tsx";
import { Faults } from "./Faults.tsx";
import { Gateway } from "./Gateway.tsx";
import { Calls, Users } from "./Seen.tsx";
import { Session } from "./Session.tsx";
import { mayPass, Waiting } from "./Waiting.tsx";
import { Who } from "./Who.tsx";

export interface Parts {
  settings: Settings;
  identity: Identity;
  chat: ChatSession;
  product: Product;
}

export function Page({ settings, identity, chat, product }: Parts) {
  const login = useStore(identity.login);
  const message = useStore(notice);
  const state = useChatSession(chat, { enabled: login !== undefined });
  const { status, error } = state;
  // For a browser, the other name of this machine is another site with its own storage, so it acts as a second device.
  const elsewhere = simulator + location.pathname + location.search;
  const underWay = status === "signing-in" || (status === "failed" && mayPass(error));

  let app = <Who identity={identity} chat={chat} refused={status === "failed" ? error : undefined} />;
  if (login && underWay) app = <Waiting login={login} identity={identity} chat={chat} state={state} />;
  if (login && status === "signed-in" && state.user) {
    app = <Chat login={login} user={state.user} identity={identity} chat={chat} product={product} />;
  }

  return (
    <>
      <header className="masthead">
        <p className="wordmark">
          CometChat Edge Gateway <span className="tag">Sandbox</span>
        </p>
        <nav aria-label="Pages">
          <Tab href="/" current={location.pathname === "/"}>
            UI Kit
          </Tab>
          <Tab href="/sdk" current={location.pathname === "/sdk"}>
            SDK alone
          </Tab>
          <a href="/live" className="tab">
            Live view
          </a>
          <a href={elsewhere} target="_blank" rel="noreferrer" className="tab elsewhere">
            Second device <span aria-hidden="true">↗</span>
          </a>
        </nav>
      </header>
      <div className="columns">
        <main>
          <div role="status" className={message ? "notice" : "notice empty-notice"}>
            {message?.text}
            {message?.again && (
              <button type="button" onClick={message.again}>
                Try again
              </button>
            )}
          </div>
          {app}
          <div className="steps">
            <Session identity={identity} />
            <Gateway />
          </div>
          <Faults />
        </main>
        <aside aria-label="The simulated CometChat and identity provider">
          <Calls />
          <Users />
          <section aria-labelledby="places-title">
            <h2 id="places-title">Addresses</h2>
            <dl className="places">
              <dt>Gateway</dt>
              <dd>
                <code>{new URL(settings.gateway).host}</code>
              </dd>
              <dt>Identity provider</dt>
              <dd>
                <code>{settings.issuer.replace(/^https?:\/\//, "")}</code>
              </dd>
              <dt>CometChat app</dt>
              <dd>
                <code>
                  {settings.appId} · {settings.region}
                </code>
              </dd>
            </dl>
          </section>
        </aside>
      </div>
    </>
  );
}

function Tab({ href, current, children }: { href: string; current: boolean; children: string }) {
  return (
    <a href={href + location.search} className="tab" aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}

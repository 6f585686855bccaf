import { CometChat } from "@cometchat/chat-sdk-javascript";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createChat, keepLooking, tell } from "./app/chat.ts";
import { createIdentity } from "./app/identity.ts";
import type { Product } from "./app/products.ts";
import { settled } from "./app/settings.ts";
import { keepWatching } from "./app/upstream.ts";
import { leadToSimulator } from "./app/wire.ts";
import { Page } from "./parts/Page.tsx";
import "./styles/theme.css";
import "./styles/layout.css";
import "./styles/form.css";
import "./styles/chat.css";
import "./styles/steps.css";
import "./styles/aside.css";

const RUN = "sandbox-run";

/** The page of one product. */
export async function start(product: Product): Promise<void> {
  leadToSimulator();
  const settings = await settled();
  // The simulators forget when they are started anew: what the SDK and this page remember of another run is of no use.
  if (localStorage.getItem(RUN) !== settings.run) localStorage.clear();
  localStorage.setItem(RUN, settings.run);

  await product.start(settings);
  const identity = createIdentity(settings.issuer, async (login) => {
    // The login that this browser remembers has changed: the other tab's is this one's as well.
    if (login) return void chat.signIn().catch(() => undefined);
    const ended = identity.login.get()?.sid;
    await chat.signOut().catch(() => undefined);
    identity.forget(ended);
    tell("Signed out in another tab.");
  });
  const chat = createChat(settings, identity, product);
  keepLooking(chat);
  keepWatching();
  // For the browser's console: CometChat.getLoggedinUser(), for instance.
  Object.assign(window, { CometChat });

  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root");
  createRoot(root).render(
    <StrictMode>
      <Page settings={settings} identity={identity} chat={chat} product={product} />
    </StrictMode>,
  );
}

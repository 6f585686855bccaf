import { CometChat } from "@cometchat/chat-sdk-javascript";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createChat, keepLooking, showNotice } from "./app/chat.ts";
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

/** Starts the page for one product. */
export async function start(product: Product): Promise<void> {
  leadToSimulator();
  const settings = await settled();
  // Each run of the sandbox starts with empty simulators, so logins from an earlier run are deleted.
  if (localStorage.getItem(RUN) !== settings.run) localStorage.clear();
  localStorage.setItem(RUN, settings.run);

  await product.start(settings);
  const identity = createIdentity(settings.issuer, async (login) => {
    // Another tab has signed in. Its login is this tab's login too.
    if (login) return void chat.signIn().catch(() => undefined);
    const ended = identity.login.get()?.sid;
    await chat.signOut().catch(() => undefined);
    identity.forget(ended);
    showNotice("Signed out in another tab.");
  });
  const chat = createChat(settings, identity, product);
  keepLooking(chat);
  keepWatching();
  // This makes the SDK usable in the browser's console, for example CometChat.getLoggedinUser().
  Object.assign(window, { CometChat });

  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root");
  createRoot(root).render(
    <StrictMode>
      <Page settings={settings} identity={identity} chat={chat} product={product} />
    </StrictMode>,
  );
}

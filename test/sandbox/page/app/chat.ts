import { CometChat } from "@cometchat/chat-sdk-javascript";
import { type ChatSession, createChatSession, type GatewayError } from "cometchat-edge-gateway/client";
import { watchedFetch, watchedSleep } from "./exchanges.ts";
import type { Identity } from "./identity.ts";
import type { Product } from "./products.ts";
import type { Settings } from "./settings.ts";
import { createStore } from "./store.ts";

/** What has happened, and what the user may do about it. */
export interface Notice {
  text: string;
  again?: () => void;
}

export const notice = createStore<Notice | undefined>(undefined);

export function tell(text: string, again?: () => void): void {
  notice.set({ text, ...(again && { again }) });
}

/** The part of the page that an application has as well: the gateway, the session, and CometChat's own login. */
export function createChat({ gateway }: Settings, identity: Identity, product: Product): ChatSession {
  const chat = createChatSession({
    gateway,
    session: identity.session,
    login: ({ authToken }) => product.login(authToken),
    logout: product.logout,
    // For this page to show what the client does. An application leaves both out.
    fetch: watchedFetch,
    sleep: watchedSleep,
  });

  CometChat.addLoginListener(
    "session",
    new CometChat.LoginListener({
      logoutSuccess: async () => {
        // Also called by a sign-out, and by a login that fails: the client knows what to do with those.
        const ended = chat.state.status === "signed-in";
        const explain = (text: string) => ended && tell(text);
        explain("CometChat has ended this login. Asking for a new one …");
        try {
          await chat.revoked();
          explain("This login was ended elsewhere. The session is still good, so you are signed in again.");
        } catch (error) {
          if ((error as GatewayError).status !== 401) return;
          explain("This login has ended, and the session with it. Please sign in again.");
          identity.forget();
        }
      },
    }),
  );
  return chat;
}

const LOOK_EVERY_MS = 15_000;

/**
 * The SDK learns at its next call that its token has ended, and this page may make none for a long time: so it makes one
 * when somebody comes back to it, and every 15 seconds while it is on screen.
 */
export function keepLooking(chat: ChatSession): void {
  const look = () => {
    const { status, user } = chat.state;
    if (status === "signed-in" && user && document.visibilityState === "visible") {
      // What comes of it, the login listener hears.
      CometChat.getUser(user.uid).catch(() => undefined);
    }
  };
  setInterval(look, LOOK_EVERY_MS);
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
}

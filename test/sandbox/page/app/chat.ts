import { CometChat } from "@cometchat/chat-sdk-javascript";
import { type ChatSession, createChatSession, type GatewayError } from "cometchat-edge-gateway/client";
import { watchedFetch, watchedSleep } from "./exchanges.ts";
import type { Identity } from "./identity.ts";
import type { Product } from "./products.ts";
import type { Settings } from "./settings.ts";
import { createStore } from "./store.ts";

/** A message to the user. `again` repeats what has failed, and is shown as a button. */
export interface Notice {
  text: string;
  again?: () => void;
}

export const notice = createStore<Notice | undefined>(undefined);

export function showNotice(text: string, again?: () => void): void {
  notice.set({ text, ...(again && { again }) });
}

/** The chat session, as any application creates it. It needs the gateway, a session and the login of CometChat. */
export function createChat({ gateway }: Settings, identity: Identity, product: Product): ChatSession {
  const chat = createChatSession({
    gateway,
    session: identity.session,
    login: ({ authToken }) => product.login(authToken),
    logout: product.logout,
    // With these two, the page shows what the client does. An application leaves them out.
    fetch: watchedFetch,
    sleep: watchedSleep,
  });

  CometChat.addLoginListener(
    "session",
    new CometChat.LoginListener({
      logoutSuccess: async () => {
        // The SDK also calls this after a sign-out and after a failed login, which need no message.
        const ended = chat.state.status === "signed-in";
        const explain = (text: string) => ended && showNotice(text);
        explain("CometChat has ended this login. Asking for a new one …");
        try {
          await chat.revoked();
          explain("This login was ended elsewhere. The session is still valid, so you are signed in again.");
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
 * Calls the SDK when the user comes back to the page, and every 15 seconds while the page is visible. The SDK learns
 * only from a call that its token has ended, and without this the page might make no call for a long time.
 */
export function keepLooking(chat: ChatSession): void {
  const look = () => {
    const { status, user } = chat.state;
    if (status === "signed-in" && user && document.visibilityState === "visible") {
      // If the token has ended, the SDK calls the login listener.
      CometChat.getUser(user.uid).catch(() => undefined);
    }
  };
  setInterval(look, LOOK_EVERY_MS);
  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
}

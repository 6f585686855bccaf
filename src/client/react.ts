"use client";

import { useEffect, useSyncExternalStore } from "react";
import type { ChatSession, ChatState } from "./types.ts";

/**
 * Signs in when the component is mounted and `enabled` is not false, and returns the state of the chat session. A
 * sign-in that fails is reported in the state. Unmounting the component does not sign out; call `chat.signOut()` for
 * that.
 */
export function useChatSession(chat: ChatSession, { enabled = true }: { readonly enabled?: boolean } = {}): ChatState {
  const read = () => chat.state;
  useEffect(() => {
    // React's StrictMode runs this effect twice. The two calls make one sign-in.
    if (enabled) chat.signIn().catch(() => undefined);
  }, [chat, enabled]);
  return useSyncExternalStore(chat.subscribe, read, read);
}

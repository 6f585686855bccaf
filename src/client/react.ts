"use client";

import { useEffect, useSyncExternalStore } from "react";
import type { ChatSession, ChatState } from "./types.ts";

/**
 * The state of the chat session, which is signed in when the component is mounted and `enabled` is not false. How it went
 * is in the state. Leaving the page signs nobody out: that is `chat.signOut()`.
 */
export function useChatSession(chat: ChatSession, { enabled = true }: { readonly enabled?: boolean } = {}): ChatState {
  const read = () => chat.state;
  useEffect(() => {
    // Mounted twice in StrictMode, both calls are one sign-in.
    if (enabled) chat.signIn().catch(() => undefined);
  }, [chat, enabled]);
  return useSyncExternalStore(chat.subscribe, read, read);
}

import type { CometChat } from "@cometchat/chat-sdk-javascript";
import {
  CometChatConversations,
  CometChatMessageComposer,
  CometChatMessageHeader,
  CometChatMessageList,
  CometChatProvider,
} from "@cometchat/chat-uikit-react";
import { useState, useSyncExternalStore } from "react";
import { ConversationsRequestBuilder } from "../app/conversations.ts";

/** CometChat's UI Kit. Its documentation combines the components in this way. */
export function KitView() {
  const [open, setOpen] = useState<CometChat.Conversation>();
  const peer = open?.getConversationWith();
  const of = peer && ("getGuid" in peer ? { group: peer as CometChat.Group } : { user: peer as CometChat.User });
  return (
    <CometChatProvider theme={useDark() ? "dark" : "light"} locale="en-us">
      <div className="kit" data-open={open !== undefined}>
        <div className="kit-list">
          <CometChatConversations
            {...SILENT}
            conversationsRequestBuilder={CONVERSATIONS}
            onItemClick={setOpen}
            {...(open && { activeConversation: open })}
          />
        </div>
        <div className="kit-talk">
          {of ? (
            <>
              <CometChatMessageHeader {...of} onBack={() => setOpen(undefined)} />
              <div className="kit-messages">
                <CometChatMessageList {...of} {...SILENT} />
              </div>
              <CometChatMessageComposer {...of} disableSoundForMessage />
            </>
          ) : (
            <p className="kit-empty">Choose a conversation.</p>
          )}
        </div>
      </div>
    </CometChatProvider>
  );
}

/** The sounds are on a host of CometChat, and this page calls no other machine. */
const SILENT = { disableSoundForMessages: true };

const CONVERSATIONS = new ConversationsRequestBuilder().setLimit(30);

const dark = matchMedia("(prefers-color-scheme: dark)");

function useDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      dark.addEventListener("change", changed);
      return () => dark.removeEventListener("change", changed);
    },
    () => dark.matches,
  );
}

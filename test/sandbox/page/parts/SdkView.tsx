import { CometChat } from "@cometchat/chat-sdk-javascript";
import { useCallback, useEffect, useState } from "react";

/** An application without the UI Kit. It calls the SDK and shows the answer. */
export function SdkView({ uid }: { uid: string }) {
  const [talks, setTalks] = useState<CometChat.Conversation[]>();
  const [outcome, setOutcome] = useState("");

  const load = useCallback(async () => {
    const request = new CometChat.ConversationsRequestBuilder().setLimit(10).build();
    try {
      setTalks(await request.fetchNext());
      setOutcome("resolved");
    } catch (error) {
      setOutcome(`rejected: ${(error as CometChat.CometChatException).code}`);
    }
  }, []);
  useEffect(() => void load(), [load]);

  async function ask() {
    await CometChat.getUser(uid).then(
      (user) => setOutcome(`resolved: ${user.getName()}`),
      ({ code }: CometChat.CometChatException) => setOutcome(`rejected: ${code}`),
    );
  }

  return (
    <div className="sdk">
      <ul aria-label="Conversations">
        {talks?.map((talk) => (
          <li key={talk.getConversationId()}>
            <strong>{talk.getConversationWith().getName()}</strong>
            <span>{(talk.getLastMessage() as CometChat.TextMessage | undefined)?.getText?.()}</span>
          </li>
        ))}
      </ul>
      <p className="ways-out">
        <button type="button" onClick={() => void load()}>
          ConversationsRequest.fetchNext()
        </button>
        <button type="button" onClick={() => void ask()}>
          CometChat.getUser(“{uid.length > 16 ? `${uid.slice(0, 12)}…` : uid}”)
        </button>
        <output>{outcome}</output>
      </p>
    </div>
  );
}

import { CometChat } from "@cometchat/chat-sdk-javascript";

/**
 * The request with which the UI Kit lists conversations. In the UI Kit 7.2.1, the list may say "No Conversations" to a
 * user who has some. The list asks for its first page when it is mounted, and again when the SDK's WebSocket opens. It
 * asks for its next page as soon as its end is visible. If the WebSocket opens just before that, the list asks for the
 * first page twice at once. The SDK answers the second call with an empty list, which the UI Kit shows, and the UI Kit
 * ignores the answer to the first call.
 *
 * Here, a call during another one of the same request gets the answer of that one. The UI Kit shows the answer to its
 * latest call only, so each earlier call stays without an answer. The UI Kit recognizes calls by the millisecond, and
 * without this it would show every conversation twice after two calls in one millisecond.
 */
export class ConversationsRequestBuilder extends CometChat.ConversationsRequestBuilder {
  #calls = 0;

  override build(): CometChat.ConversationsRequest {
    const request = super.build();
    const ask = request.fetchNext.bind(request);
    let underWay: ReturnType<typeof ask> | undefined;
    request.fetchNext = () => {
      this.#calls += 1;
      const call = this.#calls;
      underWay ??= ask().finally(() => {
        underWay = undefined;
      });
      const answer = underWay;
      return new Promise((resolve, reject) => {
        answer.then(
          (conversations) => call === this.#calls && resolve(conversations),
          (error) => call === this.#calls && reject(error),
        );
      });
    };
    return request;
  }
}

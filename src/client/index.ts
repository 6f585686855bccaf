export { GatewayError, type GatewayErrorCode } from "./error.ts";
export { createChatSession } from "./session.ts";
export type { ChatOptions, ChatSession, ChatState, ChatToken, ChatUser } from "./types.ts";

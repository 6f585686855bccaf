export { GatewayError, type GatewayErrorCode } from "./error.ts";
export {
  type ChatOptions,
  type ChatSession,
  type ChatState,
  type ChatToken,
  type ChatUser,
  createChatSession,
} from "./session.ts";

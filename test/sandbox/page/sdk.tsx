import { CometChat } from "@cometchat/chat-sdk-javascript";
import { SdkView } from "./parts/SdkView.tsx";
import { start } from "./start.tsx";

await start({
  call: "CometChat.login(authToken)",
  start: ({ appId, region }) => CometChat.init(appId, new CometChat.AppSettingsBuilder().setRegion(region).build()),
  login: (authToken) => CometChat.login(authToken),
  logout: () => CometChat.logout(),
  View: SdkView,
});

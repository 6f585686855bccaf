import { CometChatUIKit, UIKitSettingsBuilder } from "@cometchat/chat-uikit-react";
import "@cometchat/chat-uikit-react/styles";
import { KitView } from "./parts/KitView.tsx";
import { start } from "./start.tsx";

await start({
  call: "CometChatUIKit.loginWithAuthToken(authToken)",
  start: ({ appId, region }) =>
    CometChatUIKit.init(new UIKitSettingsBuilder().setAppId(appId).setRegion(region).build()),
  login: (authToken) => CometChatUIKit.loginWithAuthToken(authToken),
  logout: () => CometChatUIKit.logout(),
  View: KitView,
});

declare module "*.css";
declare module "@cometchat/chat-uikit-react/styles";

import { at, show } from "./dom.js";
import { showProblem } from "./gateway.js";

const { CometChat } = window;

/** What an application does with the gateway's answer, word for word. */
export async function logIn({ appId, region, authToken }) {
  const settings = new CometChat.AppSettingsBuilder()
    .setRegion(region)
    // The simulator has no WebSocket. An application leaves this line out.
    .autoEstablishSocketConnection(false)
    .build();
  await CometChat.init(appId, settings);
  return CometChat.login(authToken);
}

export const logOut = () => CometChat.logout();

export function showUser(user) {
  verdict("resolved", true);
  at("name").textContent = user.getName();
  at("uid").textContent = user.getUid();
  at("avatar").src = user.getAvatar() ?? "data:,";
  show("avatar", Boolean(user.getAvatar()));
  show("person");
  show("sdk-problem", false);
  show("sdk");
}

export function showFailure(error) {
  verdict("rejected", false);
  const { code = error.name, message } = error;
  showProblem(at("sdk-problem"), { code, message });
  show("person", false);
  show("sdk-problem");
  show("sdk");
}

export function showSignedOut() {
  verdict("signed out", true);
  at("login").className = "pill soft";
  show("person", false);
}

function verdict(text, good) {
  at("login").textContent = text;
  at("login").className = good ? "pill" : "pill bad";
}

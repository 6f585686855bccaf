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

/**
 * The SDK learns that its token has ended at its next call: that call rejects, and its login listener says
 * `logoutSuccess` although nobody asked it to log out. The code of the first, and whether the second came.
 */
export async function nextCall(uid) {
  let heard;
  const loggedOut = new Promise((resolve) => {
    heard = resolve;
  });
  CometChat.addLoginListener("sandbox", new CometChat.LoginListener({ logoutSuccess: () => heard(true) }));
  try {
    const code = await CometChat.getUser(uid).then(
      () => undefined,
      (error) => error.code,
    );
    if (code === "AUTH_ERR_AUTH_TOKEN_NOT_FOUND") setTimeout(heard, 3000, false);
    else heard(false);
    return { code, loggedOut: await loggedOut };
  } finally {
    CometChat.removeLoginListener("sandbox");
  }
}

export function showUser(user) {
  verdict("resolved", true);
  at("name").textContent = user.getName();
  at("uid").textContent = user.getUid();
  at("avatar").src = user.getAvatar() ?? "data:,";
  show("avatar", Boolean(user.getAvatar()));
  show("person");
  show("sign-out");
  show("sdk-problem", false);
  show("sdk");
}

export function showFailure(error) {
  verdict("rejected", false);
  const { code = error.name, message } = error;
  showProblem(at("sdk-problem"), { code, message });
  show("person", false);
  show("sign-out", false);
  show("sdk-problem");
  show("sdk");
}

function verdict(text, good) {
  at("login").textContent = text;
  at("login").className = good ? "pill" : "pill bad";
}

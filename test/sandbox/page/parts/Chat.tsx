import { CometChat } from "@cometchat/chat-sdk-javascript";
import type { ChatSession, ChatUser, GatewayError } from "cometchat-edge-gateway/client";
import { useState } from "react";
import { showNotice } from "../app/chat.ts";
import type { Identity, Login } from "../app/identity.ts";
import type { Product } from "../app/products.ts";
import { look } from "../app/upstream.ts";

interface ChatParts {
  login: Login;
  user: ChatUser;
  identity: Identity;
  chat: ChatSession;
  product: Product;
}

/** The chat of the user who is signed in, with the three ways to sign out. */
export function Chat({ login, user, identity, chat, product }: ChatParts) {
  const [busy, setBusy] = useState(false);
  const { View } = product;

  async function leave(work: () => Promise<void>) {
    if (busy) return;
    setBusy(true);
    // The state of the client package is "signed-out" at once, before its requests are answered.
    showNotice("Signing out …");
    await work().catch((error: Error) => showNotice(`Not signed out: ${error.message}`));
    setBusy(false);
    void look().catch(() => undefined);
  }

  /** The client package ends the login at the gateway and at CometChat. Then the application forgets its own login. */
  const signOut = (everywhere: boolean) => async () => {
    try {
      await chat.signOut({ everywhere });
      identity.forget(login.sid);
      showNotice(`${login.name} is signed out${everywhere ? " on every device" : ""}.`);
    } catch (error) {
      const { code } = error as GatewayError;
      showNotice(`Signed out here, but the gateway could not end the tokens (${code}).`, () =>
        leave(signOut(everywhere)),
      );
    }
  };

  /** The provider tells the gateway. The SDK's next call fails, and the SDK calls the login listener. */
  const signOutAtProvider = async () => {
    const status = await identity.signOut();
    if (status !== 200) throw new Error(`the gateway answered the provider ${status}`);
    await CometChat.getUser(user.uid).catch(() => undefined);
  };

  return (
    <section className="card chat" aria-labelledby="chat-title">
      <header className="person">
        <img src={login.picture} width="40" height="40" alt="" />
        <div>
          <h1 id="chat-title">{login.name}</h1>
          <code id="uid" title={user.uid}>
            {user.uid}
          </code>
        </div>
        <fieldset className="ways" disabled={busy}>
          <legend id="sign-out-title" className="visually-hidden">
            Sign out
          </legend>
          <span aria-hidden="true">Sign out</span>
          <Way name="Here" how="Ends this session’s tokens" leave={() => leave(signOut(false))} />
          <Way name="Everywhere" how="Ends all tokens of this user" leave={() => leave(signOut(true))} />
          <Way
            name="At the provider"
            how="Ends the login at the identity provider, which tells the gateway"
            leave={() => leave(signOutAtProvider)}
          />
        </fieldset>
      </header>
      <View uid={user.uid} />
      <footer className="call">
        <code>{product.call}</code> <span className="pill">logged in</span>
      </footer>
    </section>
  );
}

function Way({ name, how, leave }: { name: string; how: string; leave: () => void }) {
  return (
    <button type="button" title={how} aria-label={`Sign out ${name.toLowerCase()}`} onClick={leave}>
      {name}
    </button>
  );
}

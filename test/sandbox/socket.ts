import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Message } from "./cometchat/chats.ts";
import type { Simulator } from "./cometchat/index.ts";
import { isObject } from "./cometchat/rules.ts";

/** Takes over a connection that asks to become a WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface Sockets {
  upgrade: Upgrade;
  /** Tells everybody who is in the conversation. The device that sent it passes over what bears its own name. */
  deliver: (message: Message, deviceId: string, view: (uid: string) => unknown) => void;
  close: () => void;
}

/**
 * CometChat's WebSocket, as far as the SDK 4.2.0 shows: it authenticates by the `jwt` of its login, pings, and is told of
 * messages. Whether ending a token closes it is not documented; here it does not.
 */
export function createSockets(appId: string, simulator: () => Pick<Simulator, "whose" | "chats">): Sockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
  /** The sockets that have authenticated, with the uid of each. */
  const open = new Map<WebSocket, string>();

  function hear(socket: WebSocket, text: string): void {
    const told: unknown = JSON.parse(text);
    if (!isObject(told)) return;
    if (told.action === "ping") {
      socket.send(JSON.stringify({ action: "pong" }));
      return;
    }
    if (told.type !== "auth" || !isObject(told.body)) return;
    const uid = told.appId === appId ? simulator().whose(String(told.body.auth)) : undefined;
    const deviceId = String(told.deviceId);
    if (uid) open.set(socket, uid);
    const body = uid ? { code: "200", status: "OK" } : { code: "401", status: "ERR_NO_AUTH" };
    socket.send(
      JSON.stringify({ type: "auth", appId, receiver: "", receiverType: "", deviceId, sender: uid ?? "", body }),
    );
  }

  return {
    upgrade: (request, connection, head) => {
      server.handleUpgrade(request, connection, head, (socket) => {
        socket.on("message", (text) => {
          try {
            hear(socket, String(text));
          } catch {
            socket.close(1003);
          }
        });
        socket.on("close", () => open.delete(socket));
        socket.on("error", () => socket.terminate());
      });
    },
    deliver: (message, deviceId, view) => {
      const { sender, receiver, receiverType } = message;
      const reached =
        receiverType === "group" ? (simulator().chats.group(receiver)?.members ?? []) : [receiver, sender];
      for (const [socket, uid] of open) {
        if (!reached.includes(uid)) continue;
        const frame = { type: "message", appId, receiver, receiverType, deviceId, sender, body: view(uid) };
        socket.send(JSON.stringify(frame));
      }
    },
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

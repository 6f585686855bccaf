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
  /** Sends a message to everybody in the conversation. A device ignores a message with its own `deviceId`. */
  deliver: (message: Message, deviceId: string, view: (uid: string) => unknown) => void;
  close: () => void;
}

/**
 * CometChat's WebSocket, as its SDK 4.2.0 uses it: the SDK authenticates with the `jwt` of its login, sends pings and
 * receives messages. It is not documented whether the socket is closed when the token ends. Here it stays open.
 */
export function createSockets(appId: string, simulator: () => Pick<Simulator, "whose" | "chats">): Sockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
  /** The sockets that have authenticated, with the uid of each. */
  const open = new Map<WebSocket, string>();

  function receive(socket: WebSocket, text: string): void {
    const frame: unknown = JSON.parse(text);
    if (!isObject(frame)) return;
    if (frame.action === "ping") {
      socket.send(JSON.stringify({ action: "pong" }));
      return;
    }
    if (frame.type !== "auth" || !isObject(frame.body)) return;
    const uid = frame.appId === appId ? simulator().whose(String(frame.body.auth)) : undefined;
    const deviceId = String(frame.deviceId);
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
            receive(socket, String(text));
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

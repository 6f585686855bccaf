import { type Answer, refuse, succeed } from "./answers.ts";
import type { Call } from "./calls.ts";
import type { Message, Peer } from "./chats.ts";
import { paginate } from "./pages.ts";
import { isObject } from "./rules.ts";
import type { User } from "./users.ts";
import { view } from "./views.ts";
import { seconds, type World } from "./world.ts";

/**
 * The part of the client API that CometChat's UI Kit 7.2.1 calls to list conversations, to open one, and to send
 * messages. The answers have the form of CometChat's REST documentation of the same resources (rest-api/conversations,
 * /messages, /groups).
 */
export function conversationCalls(world: World) {
  const { users, chats } = world;

  type Of = (user: User, call: Call) => Answer;

  /** Finds the user or group in the path. Refuses unknown ones, and groups that the user is not a member of. */
  const withPeer = (type: Peer["type"], handle: (user: User, peer: Peer, call: Call) => Answer): Of => {
    return (user, call) => {
      const id = type === "user" ? call.uid : call.item;
      if (type === "user" && !users.active(id)) return refuse("ERR_UID_NOT_FOUND", { uid: id });
      if (type === "group" && !chats.group(id)) return refuse("ERR_GUID_NOT_FOUND", { guid: id });
      if (type === "group" && !chats.group(id)?.members.includes(user.uid)) return refuse("ERR_GROUP_NOT_JOINED");
      return handle(user, { type, id }, call);
    };
  };

  const conversations: Of = (user, { query }) => {
    const type = query.get("conversationType");
    const rows = chats.peersOf(user.uid).filter((peer) => type === null || peer.type === type);
    return listed(
      rows.map((peer) => conversation(user, peer)),
      query,
    );
  };

  const one = (user: User, peer: Peer) => succeed(conversation(user, peer));

  const messages = (user: User, peer: Peer, { query }: Call): Answer => {
    const limit = Number(query.get("per_page") ?? query.get("limit") ?? 30);
    const id = Number(query.get("id") ?? 0);
    const before = query.get("affix") !== "append";
    const all = chats.between(user.uid, peer).filter((message) => !id || (before ? message.id < id : message.id > id));
    const page = before ? all.slice(-limit) : all.slice(0, limit);
    return succeed(page.map((message) => messageView(user, message)));
  };

  const send: Of = (user, { body, device }) => {
    const { receiver, receiverType, type, category, data, muid } = body;
    const text = isObject(data) ? data.text : undefined;
    if (typeof receiver !== "string" || (receiverType !== "user" && receiverType !== "group")) {
      return refuse("ERR_BAD_REQUEST", {}, { receiver: ["The receiver is required."] });
    }
    if (type !== "text" || category !== "message" || typeof text !== "string" || text.trim() === "") {
      return refuse("ERR_BAD_REQUEST", {}, { data: ["The sandbox takes text messages alone."] });
    }
    if (receiverType === "user" && !users.active(receiver)) return refuse("ERR_UID_NOT_FOUND", { uid: receiver });
    const group = chats.group(receiver);
    if (receiverType === "group" && !group) return refuse("ERR_GUID_NOT_FOUND", { guid: receiver });
    if (receiverType === "group" && !group?.members.includes(user.uid)) return refuse("ERR_GROUP_NOT_JOINED");
    const sentAt = seconds(world);
    const own = typeof muid === "string" ? { muid } : {};
    const sent = chats.send({ sender: user.uid, receiver, receiverType, text, sentAt, ...own });
    world.onMessage?.(sent, device, (uid) => messageView({ uid }, sent));
    return succeed(messageView(user, sent));
  };

  const markRead = (user: User, peer: Peer, { body }: Call): Answer => {
    const last = chats.between(user.uid, peer).at(-1)?.id ?? 0;
    chats.markRead(user.uid, peer, Number(body.messageId ?? last));
    return succeed({ success: true });
  };

  function conversation(user: User, peer: Peer) {
    const all = chats.between(user.uid, peer);
    const last = all.at(-1);
    const read = chats.readUpTo(user.uid, peer);
    const unread = all.filter(({ sender, id }) => sender !== user.uid && id > read);
    return {
      conversationId: conversationId(user.uid, peer),
      conversationType: peer.type,
      unreadMessageCount: String(unread.length),
      createdAt: all[0]?.sentAt ?? seconds(world),
      updatedAt: last?.sentAt ?? seconds(world),
      ...(last && { lastMessage: messageView(user, last), latestMessageId: String(last.id) }),
      ...(read && { lastReadMessageId: String(read) }),
      conversationWith: peer.type === "user" ? userView(peer.id) : groupView(user, peer.id),
    };
  }

  function messageView(user: Pick<User, "uid">, { id, sender, receiver, receiverType, text, muid, sentAt }: Message) {
    const peer: Peer =
      receiverType === "group"
        ? { type: "group", id: receiver }
        : { type: "user", id: sender === user.uid ? receiver : sender };
    const to = receiverType === "user" ? userView(receiver) : groupView(user, receiver);
    return {
      id: String(id),
      ...(muid && { muid }),
      conversationId: conversationId(user.uid, peer),
      sender,
      receiverType,
      receiver,
      category: "message",
      type: "text",
      data: {
        text,
        resource: "sandbox",
        entities: {
          sender: { entity: userView(sender), entityType: "user" },
          receiver: { entity: to, entityType: receiverType },
        },
      },
      sentAt,
      deliveredAt: sentAt,
      readAt: sentAt,
      updatedAt: sentAt,
    };
  }

  function userView(uid: string) {
    const user = users.find(uid);
    return user ? view(user) : { uid, name: uid };
  }

  function groupView(user: Pick<User, "uid">, guid: string) {
    const group = chats.group(guid);
    if (!group) return { guid, name: guid, type: "public" };
    const { members, ...rest } = group;
    return {
      ...rest,
      membersCount: members.length,
      onlineMembersCount: 0,
      conversationId: `group_${guid}`,
      hasJoined: members.includes(user.uid),
      scope: group.owner === user.uid ? "admin" : "participant",
      joinedAt: group.createdAt,
      updatedAt: group.createdAt,
    };
  }

  return {
    conversations,
    userConversation: withPeer("user", one),
    groupConversation: withPeer("group", one),
    userMessages: withPeer("user", messages),
    groupMessages: withPeer("group", messages),
    send,
    readUser: withPeer("user", markRead),
    readGroup: withPeer("group", markRead),
    groups: ((user, { query }) =>
      listed(
        chats.groupsOf(user.uid).map(({ guid }) => groupView(user, guid)),
        query,
      )) as Of,
    group: withPeer("group", (user, { id }) => succeed(groupView(user, id))),
    members: withPeer("group", (_, { id }, { query }) => {
      const group = chats.group(id);
      const rows = (group?.members ?? []).map((uid) => ({
        ...userView(uid),
        scope: group?.owner === uid ? "admin" : "participant",
        joinedAt: group?.createdAt,
      }));
      return listed(rows, query);
    }),
  } satisfies Record<string, Of>;
}

/** A page of a list. The client API calls the parameter `per_page`, the REST API `perPage`. */
function listed(rows: readonly unknown[], query: URLSearchParams): Answer {
  const page = new URLSearchParams({
    perPage: query.get("per_page") ?? query.get("limit") ?? "30",
    page: query.get("page") ?? "1",
  });
  return paginate(rows, page);
}

function conversationId(uid: string, { type, id }: Peer): string {
  return type === "group" ? `group_${id}` : [uid, id].sort().join("_user_");
}

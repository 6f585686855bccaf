/** A group, as CometChat describes it (rest-api/groups). */
interface Group {
  guid: string;
  name: string;
  icon?: string;
  type: "public";
  owner: string;
  /** The uids of all members. The owner is one of them. */
  members: string[];
  createdAt: number;
}

export interface Message {
  id: number;
  sender: string;
  receiverType: "user" | "group";
  /** The uid or guid of the receiver. */
  receiver: string;
  text: string;
  /** An id that the sender chose. The SDK recognizes its own messages by it. */
  muid?: string;
  /** Unix seconds, as for all times. */
  sentAt: number;
}

/** The other side of a conversation, as one user sees it: another user, or a group. */
export interface Peer {
  type: "user" | "group";
  id: string;
}

export interface Chats {
  addGroup: (group: Group) => void;
  group: (guid: string) => Group | undefined;
  /** The groups that the user is a member of. */
  groupsOf: (uid: string) => Group[];
  send: (message: Omit<Message, "id">) => Message;
  /** The messages of a conversation, oldest first. */
  between: (uid: string, peer: Peer) => Message[];
  /** All users and groups with whom the user has messages, the newest conversation first. */
  peersOf: (uid: string) => Peer[];
  /** The user has read the conversation up to this message. */
  markRead: (uid: string, peer: Peer, id: number) => void;
  readUpTo: (uid: string, peer: Peer) => number;
  clear: () => void;
}

/** Stores messages and groups. Conversations are not stored, since they follow from the messages. */
export function chatStore(): Chats {
  const groups = new Map<string, Group>();
  const messages: Message[] = [];
  const read = new Map<string, number>();

  const place = (uid: string, { type, id }: Peer) => `${uid} ${type} ${id}`;

  /** The other side of a message, as this user sees it. Undefined if the user has no part in the message. */
  function peerOf(uid: string, { sender, receiver, receiverType }: Message): Peer | undefined {
    if (receiverType === "group") {
      return groups.get(receiver)?.members.includes(uid) ? { type: "group", id: receiver } : undefined;
    }
    if (sender === uid) return { type: "user", id: receiver };
    return receiver === uid ? { type: "user", id: sender } : undefined;
  }

  return {
    addGroup: (group) => groups.set(group.guid, group),
    group: (guid) => groups.get(guid),
    groupsOf: (uid) => [...groups.values()].filter(({ members }) => members.includes(uid)),
    send: (message) => {
      const sent = { ...message, id: messages.length + 1 };
      messages.push(sent);
      return sent;
    },
    between: (uid, { type, id }) =>
      messages.filter((message) => {
        const peer = peerOf(uid, message);
        return peer?.type === type && peer.id === id;
      }),
    peersOf: (uid) => {
      const found = new Map<string, Peer>();
      for (const message of [...messages].reverse()) {
        const peer = peerOf(uid, message);
        if (peer && !found.has(place(uid, peer))) found.set(place(uid, peer), peer);
      }
      return [...found.values()];
    },
    markRead: (uid, peer, id) => {
      read.set(place(uid, peer), Math.max(id, read.get(place(uid, peer)) ?? 0));
    },
    readUpTo: (uid, peer) => read.get(place(uid, peer)) ?? 0,
    clear: () => {
      groups.clear();
      messages.length = 0;
      read.clear();
    },
  };
}

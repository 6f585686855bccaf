/** A group, as CometChat describes it (rest-api/groups). */
interface Group {
  guid: string;
  name: string;
  icon?: string;
  type: "public";
  owner: string;
  /** uids, the owner's included. */
  members: string[];
  createdAt: number;
}

export interface Message {
  id: number;
  sender: string;
  receiverType: "user" | "group";
  /** The uid or guid that it was sent to. */
  receiver: string;
  text: string;
  /** The sender's own name for it, by which the SDK finds what it has sent. */
  muid?: string;
  /** Unix seconds, as all times. */
  sentAt: number;
}

/** What a user has with another user or a group: the address of a conversation, seen from that user. */
export interface Peer {
  type: "user" | "group";
  id: string;
}

export interface Chats {
  addGroup: (group: Group) => void;
  group: (guid: string) => Group | undefined;
  /** Those that the user is a member of. */
  groupsOf: (uid: string) => Group[];
  send: (message: Omit<Message, "id">) => Message;
  /** Oldest first. */
  between: (uid: string, peer: Peer) => Message[];
  /** All that the user has messages with, newest first. */
  peersOf: (uid: string) => Peer[];
  /** Everything up to this message of the conversation has been read by the user. */
  markRead: (uid: string, peer: Peer, id: number) => void;
  readUpTo: (uid: string, peer: Peer) => number;
  clear: () => void;
}

/** Messages and groups. Conversations are not kept: they follow from the messages. */
export function chatStore(): Chats {
  const groups = new Map<string, Group>();
  const messages: Message[] = [];
  const read = new Map<string, number>();

  const place = (uid: string, { type, id }: Peer) => `${uid} ${type} ${id}`;

  /** The other side of a message, as this user sees it; undefined where it is none of theirs. */
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

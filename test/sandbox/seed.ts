import type { Simulator } from "./cometchat/index.ts";

/** Users to chat with. They never sign in. */
const COLLEAGUES = [
  { uid: "colleague-grace", name: "Grace Okafor" },
  { uid: "colleague-mateo", name: "Mateo Rossi" },
  { uid: "colleague-ines", name: "Inês Duarte" },
];

const GROUP = { guid: "launch", name: "Launch week" };

/** The messages to a new user: sender, text, and how many minutes ago. The oldest comes first. */
const DIRECT: [from: string, text: string, minutes: number][] = [
  ["colleague-grace", "Welcome aboard! The release notes are in the shared folder.", 95],
  ["colleague-mateo", "Coffee at three?", 47],
  ["colleague-grace", "Could you look over the second page before lunch?", 12],
];

const TOGETHER: [from: string, text: string, minutes: number][] = [
  ["colleague-ines", "Staging is green. Thirty regions, one deploy.", 180],
  ["colleague-mateo", "And sign-ins?", 176],
  ["colleague-ines", "Faster than the page around them.", 174],
];

/** Creates a few conversations of a new user, so that the first sign-in shows some. */
export function greet(simulator: Simulator, uid: string, avatars: string): void {
  const { chats } = simulator;
  if (COLLEAGUES.some((colleague) => colleague.uid === uid)) return;
  const now = Math.floor(Date.now() / 1000);
  for (const { uid: own, name } of COLLEAGUES) {
    const avatar = `${avatars}/${encodeURIComponent(name)}.svg`;
    simulator.seed({ uid: own, name, avatar, tags: ["colleague"], createdAt: now });
  }
  if (!chats.group(GROUP.guid)) {
    const members = COLLEAGUES.map((colleague) => colleague.uid);
    const icon = `${avatars}/${encodeURIComponent(GROUP.name)}.svg`;
    chats.addGroup({ ...GROUP, icon, type: "public", owner: "colleague-ines", members, createdAt: now - 86_400 });
    for (const [sender, text, minutes] of TOGETHER) {
      chats.send({ sender, receiverType: "group", receiver: GROUP.guid, text, sentAt: now - 60 * minutes });
    }
  }
  const members = chats.group(GROUP.guid)?.members;
  if (!members?.includes(uid)) members?.push(uid);
  for (const [sender, text, minutes] of DIRECT) {
    chats.send({ sender, receiverType: "user", receiver: uid, text, sentAt: now - 60 * minutes });
  }
}

import { IMPORT_AT_ONCE } from "../../limits.ts";
import type { Batch, Member } from "./batches.ts";
import { type Channel, deliver } from "./deliver.ts";
import { failedMember } from "./failed.ts";
import type { Done, Journal } from "./journal.ts";
import type { JsonList, Lines } from "./lines.ts";
import { mappingOf } from "./mapping.ts";
import { Stopped } from "./pace.ts";
import type { Rules, User } from "./user.ts";

export interface Totals {
  created: number;
  updated: number;
  existing: number;
  failed: number;
}

export interface Sending {
  readonly rules: Rules;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly update: boolean;
  readonly journal: Journal;
  /** The batches that an earlier run has done, by its journal. */
  readonly earlier: readonly Done[];
  readonly failed: Lines;
  /** The file for the mappings, and their time in milliseconds since 1970; undefined for none. */
  readonly kv: { readonly list: JsonList; readonly at: number } | undefined;
  /** Called with each user that CometChat has with the profile of the input. */
  readonly onImported: (user: User) => void;
  readonly progress: (totals: Totals) => void;
}

/**
 * Sends the batches that are not done yet, a few at the same time, and counts all of them in `totals`. Rejects with
 * `Stopped` or `Unavailable`, but only after the batches that were being sent have been answered and counted.
 */
export async function send(
  batches: AsyncIterable<Batch>,
  totals: Totals,
  sending: Sending,
  stop: AbortSignal,
): Promise<void> {
  const { earlier, progress } = sending;
  const done = new Map(earlier.map((one) => [one.batch, one]));
  const running = new Set<Promise<void>>();
  let failure: unknown;
  try {
    for await (const batch of batches) {
      const before = done.get(batch.number);
      if (before) {
        count(totals, before);
        notifyImported(batch, new Set(before.failed), sending);
        progress(totals);
        continue;
      }
      if (stop.aborted) throw new Stopped();
      if (failure !== undefined) break;
      const work: Promise<void> = sendOne(batch, totals, sending)
        .catch((error: unknown) => {
          // If one batch failed, others that were waiting reject with `Stopped`; the first real failure is the reason.
          if (failure === undefined || failure instanceof Stopped) failure = error;
        })
        .finally(() => running.delete(work));
      running.add(work);
      if (running.size >= IMPORT_AT_ONCE) await Promise.race(running);
    }
  } catch (error) {
    failure ??= error;
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure;
}

async function sendOne(batch: Batch, totals: Totals, sending: Sending): Promise<void> {
  const { channels, update, journal, failed, kv, rules, progress } = sending;
  const channel = channels.get(batch.app);
  if (!channel) throw new Error(`There is no app ${batch.app}.`);
  const users = new Map(batch.send.map(({ user }) => [user.uid, user.profile]));
  const outcome = users.size > 0 ? await deliver(users, update, channel) : { existing: new Set(), failed: new Map() };

  const isExisting = (member: Member) => outcome.existing.has(member.user.uid);
  const sent = batch.send.filter(({ user }) => !outcome.failed.has(user.uid));
  const entries = kv
    ? await Promise.all([...sent, ...batch.skip].map((member) => entryOf(member, isExisting(member))))
    : [];
  async function entryOf({ user, existed }: Member, existing: boolean): Promise<object> {
    return mappingOf(user, rules.issuer, !existed && !existing, kv?.at ?? 0);
  }

  // There is no `await` from here to the journal's line. If the process is killed in between, the journal does not have
  // the batch, and the next run cuts the files to the lengths before it and sends it again.
  for (const member of batch.send) {
    const problem = outcome.failed.get(member.user.uid);
    if (problem) failed.write(failedMember(member, problem));
  }
  failed.sync();
  kv?.list.add(entries);
  const counts = {
    created: sent.filter((member) => !member.existed && !isExisting(member)).length,
    updated: sent.filter((member) => member.existed && !isExisting(member)).length,
    existing: batch.skip.length + sent.filter(isExisting).length,
    failed: [...outcome.failed.keys()],
  };
  const lengths = { failed: failed.length, kv: kv?.list.length ?? 0 };
  journal.done({ batch: batch.number, ...counts, lengths });
  count(totals, counts);
  notifyImported(batch, new Set([...counts.failed, ...outcome.existing]), sending);
  progress(totals);
}

function count(totals: Totals, { created, updated, existing, failed }: Omit<Done, "batch" | "lengths">): void {
  totals.created += created;
  totals.updated += updated;
  totals.existing += existing;
  totals.failed += failed.length;
}

function notifyImported({ send }: Batch, other: ReadonlySet<unknown>, { onImported }: Sending): void {
  for (const { user } of send) if (!other.has(user.uid)) onImported(user);
}

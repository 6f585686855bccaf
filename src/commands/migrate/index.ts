import { migrateUsers } from "./command.ts";

const stop = new AbortController();

/** One Ctrl-C arrives twice, from the terminal and from npm. Signals within this time count as one. */
const SAME_KEY_MS = 1_000;

let pressed = 0;
process.on("SIGINT", () => {
  const isSecond = pressed > 0 && Date.now() - pressed > SAME_KEY_MS;
  pressed ||= Date.now();
  if (isSecond) process.exit(130);
  if (!stop.signal.aborted)
    process.stderr.write("\nStopping after the batches that are being sent. Press Ctrl-C again to stop at once.\n");
  stop.abort();
});

process.exitCode = await migrateUsers(process.argv.slice(2), process, stop.signal);

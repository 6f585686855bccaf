// Loaded into the gateway's process before anything else: when the sandbox is gone, however it went, so is the gateway.
const end = () => {
  process.kill(process.pid, "SIGTERM");
  // Should it not manage in time, its whole process group, of which it is the first: runtime and compiler included.
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), 3000).unref();
};
process.on("disconnect", end);
if (!process.connected) end();
// The channel alone must not keep it running.
process.channel?.unref();

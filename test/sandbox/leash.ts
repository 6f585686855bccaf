// The gateway's process loads this file first. It ends the gateway when the sandbox's process has ended for any reason.
const end = () => {
  process.kill(process.pid, "SIGTERM");
  // If that takes too long, this ends the whole process group, with the runtime and the compiler.
  setTimeout(() => process.kill(-process.pid, "SIGKILL"), 3000).unref();
};
process.on("disconnect", end);
if (!process.connected) end();
// The open channel alone must not keep the process running.
process.channel?.unref();

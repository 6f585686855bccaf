// Loaded into the gateway's process before anything else: when the sandbox is gone, however it went, so is the gateway.
const end = () => process.kill(process.pid, "SIGTERM");
process.on("disconnect", end);
if (!process.connected) end();
// The channel alone must not keep it running.
process.channel?.unref();

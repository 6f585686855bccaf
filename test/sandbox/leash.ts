// Loaded into the gateway's process before anything else: when the sandbox is gone, however it went, so is the gateway.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
// The channel alone must not keep it running.
process.channel?.unref();

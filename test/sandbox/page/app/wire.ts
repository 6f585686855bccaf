/** The simulators' origin for this page: the other name of this machine, which is another origin for the browser. */
export const simulator = (() => {
  const { protocol, hostname, port } = location;
  return `${protocol}//${hostname === "localhost" ? "127.0.0.1" : "localhost"}:${port}`;
})();

/**
 * Sends the requests of CometChat's SDK to the simulator instead of CometChat's hosts. Method, path, headers and body
 * are the same. The simulator is another origin, so the browser sends a preflight as in production. `?wire=direct`
 * switches this off.
 *
 * This is a part of the sandbox. An application does not need it.
 */
export function leadToSimulator(): void {
  if (new URLSearchParams(location.search).get("wire") === "direct") return;
  const send = window.fetch.bind(window);
  window.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    if (!url.hostname.endsWith(".cometchat.io")) return send(input, init);
    const there = new URL(url.pathname + url.search, simulator);
    return input instanceof Request ? send(new Request(there, input), init) : send(there, init);
  };
  window.WebSocket = class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      const { hostname, pathname, search } = new URL(address);
      const toCometChat = hostname.endsWith(".cometchat.io");
      super(toCometChat ? new URL(pathname + search, simulator.replace(/^http/, "ws")) : address, protocols);
    }
  };
}

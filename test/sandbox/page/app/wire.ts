/** The other name of this machine: to a browser, another origin. The simulated CometChat and the provider answer there. */
export const simulator = (() => {
  const { protocol, hostname, port } = location;
  return `${protocol}//${hostname === "localhost" ? "127.0.0.1" : "localhost"}:${port}`;
})();

/**
 * In production CometChat's SDK talks to its own hosts. In a visitor's ordinary browser those requests are led to the
 * simulator instead: same method, path, headers and body, another origin, so that the browser asks for permission
 * (preflight) as it would in production. `?wire=direct` leaves them alone.
 *
 * This belongs to the sandbox. An application needs nothing of the kind.
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
      const led = hostname.endsWith(".cometchat.io");
      super(led ? new URL(pathname + search, simulator.replace(/^http/, "ws")) : address, protocols);
    }
  };
}

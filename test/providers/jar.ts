/** Sends requests with cookies, as a browser does. It does not follow redirects: `next` gives their address. */
export class Jar {
  readonly #cookies = new Map<string, string>();

  async fetch(address: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#cookies.size > 0) headers.set("Cookie", [...this.#cookies].map((pair) => pair.join("=")).join("; "));
    const response = await fetch(address, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  post(address: string, form: Record<string, string>): Promise<Response> {
    return this.fetch(address, { method: "POST", body: new URLSearchParams(form) });
  }

  /** The address of a redirect. */
  static next(response: Response, from: string): string {
    const location = response.headers.get("location");
    if (!location) throw new Error(`${from} answered ${response.status} and leads nowhere`);
    return new URL(location, from).href;
  }
}

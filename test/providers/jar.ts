/** A browser's part of a sign-in: it keeps cookies, and follows redirects by hand. */
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

  /** Where a redirect leads. */
  static next(response: Response, from: string): string {
    const location = response.headers.get("location");
    if (!location) throw new Error(`${from} answered ${response.status} and leads nowhere`);
    return new URL(location, from).href;
  }
}

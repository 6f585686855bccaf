import { codes, type GatewayError, reasons } from "../errors.ts";

/** Makes a problem answer (RFC 9457) of a failure. The caller is told its code; the reason is only logged. */
export function problem(error: GatewayError, requestId: string): Response {
  const code = reasons[error.reason];
  const [status, title, , seconds] = codes[code];
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  const retryAfter = error.retryAfter ?? seconds;
  if (retryAfter !== undefined) headers.set("Retry-After", String(Math.max(1, Math.ceil(retryAfter))));
  if (error.allow !== undefined) headers.set("Allow", error.allow);
  if (status === 401) headers.set("WWW-Authenticate", challenge(code, title));
  const body = {
    type: `urn:problem:cometchat-edge-gateway:${code}`,
    title,
    status,
    code,
    detail: error.detail,
    requestId,
  };
  return new Response(JSON.stringify(body), { status, headers });
}

/** The `WWW-Authenticate` header (RFC 6750 §3). A request without credentials is told no error (§3.1). */
function challenge(code: string, title: string): string {
  if (code === "backend-unauthorized") return 'Bearer realm="backend"';
  const realm = 'Bearer realm="cometchat-edge-gateway"';
  return code === "session-missing" ? realm : `${realm}, error="invalid_token", error_description="${title}"`;
}

/**
 * Whether two session JWTs belong to different users; undefined if one of them cannot be read. A refreshed session is a
 * different text with the same issuer and subject. The signature is not checked here: the gateway does that.
 */
export function differentUsers(one?: string, other?: string): boolean | undefined {
  if (one === other) return false;
  const [first, second] = [userOf(one), userOf(other)];
  return first && second ? first !== second : undefined;
}

function userOf(session = ""): string | undefined {
  try {
    const payload = `${session.split(".")[1]}`.replace(/-/g, "+").replace(/_/g, "/");
    const { iss, sub } = JSON.parse(atob(payload)) as { iss?: string; sub?: string };
    return sub && `${iss} ${sub}`;
  } catch {
    // The session is no JWT; the caller compares it otherwise.
  }
}

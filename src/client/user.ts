/**
 * Whether two sessions are two users' sessions; undefined where that cannot be told. A session that was refreshed is
 * another text with the same issuer and subject. Nothing is verified here: that is the gateway's part.
 */
export function differ(one?: string, other?: string): boolean | undefined {
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
    // Not for us to judge.
  }
}

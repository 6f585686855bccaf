/** The text for each code of the gateway and of the client package. */
const words: Record<string, string> = {
  network: "The gateway or the identity provider cannot be reached.",
  "rate-limited": "There were too many sign-ins.",
  "cometchat-unavailable": "The chat is not available right now.",
  "cometchat-rate-limited": "The chat is very busy right now.",
  "cometchat-timeout": "The chat takes too long to answer.",
  "keys-unavailable": "The identity provider’s keys cannot be fetched right now.",
  "session-expired": "This session has expired.",
  "session-invalid": "This session is not valid here.",
  "session-missing": "There is no session.",
  "user-deactivated": "This user has been deactivated.",
  "cometchat-rejected": "The chat is not configured correctly.",
};

export const inWords = (code: string): string => words[code] ?? "The gateway refused the request.";

import type { Context as HonoContext } from "hono";
import { digestOf } from "../encoding.ts";
import { Refusal } from "../errors.ts";
import { parseJson, readBytes } from "../http/body.ts";
import type { HonoEnv } from "../http/environment.ts";
import { proven } from "../http/proof.ts";
import { WEBHOOK_BYTES } from "../limits.ts";
import type { Issuer } from "../session/issuer.ts";
import { eventOf } from "../webhooks/event.ts";
import { follow } from "../webhooks/follow.ts";
import { isSigned, readSignature } from "../webhooks/signature.ts";

type C = HonoContext<HonoEnv>;

const issuerIn = (c: C): Issuer | undefined =>
  c.var.gateway.config.issuers.find(
    ({ name, webhookKeys }) => webhookKeys.length > 0 && name === c.req.path.split("/")[3],
  );

/** Whether the issuer in the address exists and has a webhook secret. Otherwise the endpoint answers 404. */
export const hasWebhook = (c: C): boolean => issuerIn(c) !== undefined;

/**
 * POST /v1/webhooks/{issuer}: an event of the identity provider about one of its users. The answer is 204 if it was
 * handled, or if it is not about a user. An event that is delivered several times has the same effect as once.
 */
export async function postWebhook(c: C): Promise<Response> {
  const { gateway, context } = c.var;
  const { issuer, signed, bytes } = await proven(c, () => signedBody(c));
  const event = eventOf(parseJson(bytes), context.now);
  const delivery = {
    id: await digestOf(`${issuer.issuer}\n${signed.id}\n${new TextDecoder().decode(bytes)}`),
    // The timestamp is in whole seconds, so the end of that second is used, but no later than now.
    sentAt: Math.min(Number(signed.timestamp) * 1000 + 999, context.now),
  };
  const tell = (done: string) =>
    gateway.deps.log({
      event: "webhook",
      requestId: context.requestId,
      issuer: issuer.name,
      kind: event?.kind ?? "other",
      done,
    });
  if (!event) tell("ignored");
  else if (event.blocking) {
    // The user's sign-up waits for this answer and would fail with it. So the event is handled after the answer; if
    // that fails, the first sign-in creates the user.
    context.after("webhook", async (later) => {
      const done = await follow(event, delivery, issuer, gateway, later);
      tell(done.ok ? done.value : done.error.reason);
    });
  } else {
    const done = await follow(event, delivery, issuer, gateway, context);
    if (!done.ok) throw new Refusal(done.error);
    tell(done.value);
  }
  return c.body(null, 204);
}

/** Reads the body and checks that the issuer of this endpoint has signed it. */
async function signedBody(c: C) {
  const { context } = c.var;
  const issuer = issuerIn(c);
  if (issuer) context.timing.names.issuer = issuer.name;
  const signed = readSignature(c.req.raw.headers, context.now);
  if (!issuer || !signed) throw new Refusal({ reason: "backend-secret" });
  const bytes = await readBytes(c, WEBHOOK_BYTES);
  if (!(await isSigned(signed, bytes, issuer.webhookKeys))) throw new Refusal({ reason: "backend-secret" });
  return { issuer, signed, bytes };
}

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

/** Without a secret, or under a name that nobody has, there is nothing. */
export const hasWebhook = (c: C): boolean => issuerIn(c) !== undefined;

/**
 * POST /v1/webhooks/{issuer}: what the identity provider says of its users. 204 for what was done, and for what is not
 * about users. Whatever of it is delivered twice, or again after a failure, leads to the same.
 */
export async function postWebhook(c: C): Promise<Response> {
  const { gateway, context } = c.var;
  const { issuer, signed, bytes } = await proven(c, () => signedBody(c));
  const event = eventOf(parseJson(bytes), context.now);
  const delivery = {
    id: await digestOf(`${issuer.issuer}\n${signed.id}\n${new TextDecoder().decode(bytes)}`),
    // Its seconds are whole ones, and the provider's clock may be ahead.
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
    // A sign-up waits for this answer, and fails with it. Whatever goes wrong, the first sign-in makes up for it.
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

/** The body, once it is certain that the issuer whose endpoint this is has signed it. */
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

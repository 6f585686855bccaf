import { DurableObject } from "cloudflare:workers";
export default { fetch: () => new Response("x") };
export class Ledger extends DurableObject<Env> {}

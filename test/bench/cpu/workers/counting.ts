import worker from "../../../../src/index.ts";
import { counted } from "../../../support/counted.ts";

export * from "../../../../src/index.ts";

/** The gateway, with a count of what it asks of its stores: `/operations` tells it, since it was last told. */
let place: ReturnType<typeof counted<Env>> | undefined;

export default {
  async fetch(request, env, ctx) {
    place ??= counted(env);
    if (new URL(request.url).pathname !== "/operations") return worker.fetch(request, place.env, ctx);
    const told = Response.json(place.operations);
    Object.assign(place.operations, { kvReads: 0, kvWrites: 0, objects: {}, limits: 0 });
    return told;
  },
} satisfies ExportedHandler<Env>;

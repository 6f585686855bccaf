import worker from "../../../../src/index.ts";
import { countOperations } from "../../../support/operations.ts";

export * from "../../../../src/index.ts";

/** The gateway with a count of its operations on stores. `/operations` returns the count since its last call. */
let counted: ReturnType<typeof countOperations<Env>> | undefined;

export default {
  async fetch(request, env, ctx) {
    counted ??= countOperations(env);
    if (new URL(request.url).pathname !== "/operations") return worker.fetch(request, counted.env, ctx);
    const answer = Response.json(counted.operations);
    Object.assign(counted.operations, { kvReads: 0, kvWrites: 0, objects: {}, limits: 0 });
    return answer;
  },
} satisfies ExportedHandler<Env>;

import { ask, type Env, subjectOf } from "./recipe.ts";

/** The Worker of recipe.ts for users who may not exist: each sign-in creates the user, and then mints. */
export default {
  async fetch(request, env) {
    const uid = await subjectOf(request, env);
    if (!uid) return Response.json({ error: "unauthorized" }, { status: 401 });
    await ask(env, "/users", { uid, name: uid });
    const { data } = await ask(env, `/users/${uid}/auth_tokens`, { force: true });
    return Response.json({ authToken: data.authToken, uid }, { status: 201 });
  },
} satisfies ExportedHandler<Env>;

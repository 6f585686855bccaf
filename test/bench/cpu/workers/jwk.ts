import { Hono } from "hono";
import { jwk } from "hono/jwk";
import { ask, type Env } from "./recipe.ts";

/** The Worker of recipe.ts, in which Hono's middleware verifies the session. */
const app = new Hono<{ Bindings: Env; Variables: { jwtPayload: { sub: string } } }>();
app.use((c, next) =>
  jwk({ jwks_uri: c.env.JWKS, alg: ["RS256"], verification: { iss: c.env.ISSUER, aud: "chat" } })(c, next),
);
app.post("/v1/token", async (c) => {
  const { sub } = c.get("jwtPayload");
  const { data } = await ask(c.env, `/users/${sub}/auth_tokens`, { force: true });
  return c.json({ authToken: data.authToken, uid: sub }, 201);
});

export default app;

import express from "express";
import jsonwebtoken from "jsonwebtoken";
import { JwksClient } from "jwks-rsa";

/**
 * A usual token server for Node, with Express, jsonwebtoken and jwks-rsa. It sends its port to its parent process.
 */
const { COMETCHAT = "", COMETCHAT_API_KEY = "", ISSUER = "", JWKS = "" } = process.env;
const keys = new JwksClient({ jwksUri: JWKS, cache: true, rateLimit: true });
const app = express();

app.post("/v1/token", async (request, response) => {
  let uid: string;
  try {
    const session = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const kid = jsonwebtoken.decode(session, { complete: true })?.header.kid;
    const key = (await keys.getSigningKey(kid)).getPublicKey();
    const claims = jsonwebtoken.verify(session, key, { algorithms: ["RS256"], issuer: ISSUER, audience: "chat" });
    uid = String(claims.sub);
  } catch {
    response.status(401).json({ error: "unauthorized" });
    return;
  }
  const minted = await fetch(`${COMETCHAT}/users/${uid}/auth_tokens`, {
    method: "POST",
    headers: { apikey: COMETCHAT_API_KEY, "content-type": "application/json" },
    body: '{"force":true}',
  });
  const { data } = (await minted.json()) as { data: { authToken: string } };
  response.status(201).json({ authToken: data.authToken, uid });
});

const server = app.listen(0, "127.0.0.1", () => {
  process.send?.((server.address() as { port: number }).port);
});

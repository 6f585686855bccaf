/** A Worker that forwards one fetch. A token from CometChat cannot cost less. */
export default {
  fetch: (_request, env) =>
    fetch(`${env.COMETCHAT}/users/alice/auth_tokens`, {
      method: "POST",
      headers: { apikey: env.COMETCHAT_API_KEY, "content-type": "application/json" },
      body: '{"force":true}',
    }),
} satisfies ExportedHandler<{ COMETCHAT: string; COMETCHAT_API_KEY: string }>;

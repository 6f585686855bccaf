/** A Worker that does nothing. */
export default {
  fetch: () => Response.json({ status: "ok" }),
} satisfies ExportedHandler;

import type { Simulator } from "../sandbox/cometchat/index.ts";
import { API_KEY, APP_ID } from "./world.ts";

/**
 * A change of the simulated CometChat that the gateway does not make itself, as an operator makes it in the dashboard.
 * `app`: the first part of the app's address.
 */
export const inDashboard = (
  { simulator }: { readonly simulator: Simulator },
  method: string,
  path: string,
  body: unknown,
  app = `${APP_ID}.api-us`,
): Promise<Response> =>
  simulator.fetch(`https://${app}.cometchat.io/v3${path}`, {
    method,
    headers: { apikey: API_KEY, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

export const deactivateInDashboard = (world: { readonly simulator: Simulator }, app?: string) =>
  inDashboard(world, "DELETE", "/users/alice", { permanent: false }, app);

export const reactivateInDashboard = (world: { readonly simulator: Simulator }) =>
  inDashboard(world, "PUT", "/users", { uidsToActivate: ["alice"] });

export const deleteInDashboard = (world: { readonly simulator: Simulator }) =>
  inDashboard(world, "DELETE", "/users/alice", { permanent: true });

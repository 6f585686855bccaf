import { refuse, succeed } from "./answers.ts";
import type { Handlers } from "./calls.ts";
import { paginate } from "./pages.ts";
import { uidProblem } from "./rules.ts";
import type { World } from "./world.ts";

/** The calls to list, read, create and delete roles (CometChat docs, rest-api/roles). */
export function roleCalls({ roles }: World): Handlers {
  const view = (role: string) => ({ role, name: role });
  return {
    roles: ({ query }) => paginate([...roles].map(view), query),
    role: ({ item }) =>
      roles.has(item.toLowerCase())
        ? succeed(view(item.toLowerCase()))
        : refuse("ERR_ROLE_NOT_FOUND", { role: item.toLowerCase() }),
    createRole: ({ body }) => {
      // The rules are those of uids (documented).
      const problem = uidProblem(body.role)?.replace("uid", "role");
      if (problem) return refuse("ERR_BAD_REQUEST", {}, { role: [problem] });
      if (typeof body.name !== "string" || body.name === "") {
        return refuse("ERR_BAD_REQUEST", {}, { name: ["The name field is required."] });
      }
      const role = String(body.role).toLowerCase();
      if (roles.has(role)) return refuse("ERR_ROLE_ALREADY_EXISTS", { role });
      // An app has at most 25 roles (documented).
      if (roles.size >= 25) return refuse("ERR_PLAN_RESTRICTION");
      roles.add(role);
      return succeed({ role, name: body.name });
    },
    deleteRole: ({ item }) => {
      const role = item.toLowerCase();
      if (role === "default") return refuse("ERR_ROLE_DELETE_DENIED", { role });
      if (!roles.delete(role)) return refuse("ERR_ROLE_NOT_FOUND", { role });
      return succeed({ success: true, message: `Role ${role} deleted successfully.` });
    },
  };
}

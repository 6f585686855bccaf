import { isObject } from "../../shape.ts";

type Row = Readonly<Record<string, unknown>>;

/** The format of an identity provider's own export of its users. */
export interface Export {
  /** The columns, if the CSV has no header. */
  readonly columns?: readonly string[];
  /** A column that every row of a CSV without a header has, with one of these values. */
  readonly sign?: { readonly column: string; readonly values: readonly string[] };
  /** Whether each text of a CSV begins with an apostrophe, so that no spreadsheet takes it for a formula. */
  readonly apostrophes?: boolean;
  /** The possible names of the column with the subject; a CSV must have one of them. */
  readonly subject: readonly string[];
  /**
   * Makes of a row the claims that a session of this user would have, for the profile, `--map` and placement by claim.
   */
  readonly claims: (row: Row) => Row;
  /** Dotted paths in these claims. The first one with a value is used. */
  readonly name: readonly string[];
  readonly avatar: readonly string[];
}

export const exports: Readonly<Record<string, Export>> = {
  // NDJSON, or a CSV of chosen fields; the dashboard's export has other names for its columns.
  // https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
  auth0: {
    apostrophes: true,
    subject: ["user_id", "Id"],
    claims: (row) => ({ ...row, sub: row.user_id ?? row.Id }),
    name: ["name", "Name", "nickname", "Nickname"],
    avatar: ["picture", "Picture"],
  },

  // The dashboard's CSV, or JSON of the CLI or the Backend API, which also has the picture.
  // https://clerk.com/docs/guides/development/migrating/export-from-clerk
  clerk: {
    subject: ["id"],
    claims: (row) => ({ ...row, sub: row.id, full_name: joined(row.first_name, row.last_name) }),
    name: ["full_name", "username"],
    avatar: ["image_url", "profile_image_url"],
  },

  // firebase auth:export: JSON, or a CSV without a header. Custom claims are at the session's top level.
  // https://firebase.google.com/docs/cli/auth#file_format
  firebase: {
    columns: [
      ...["localId", "email", "emailVerified", "passwordHash", "salt", "displayName", "photoUrl"],
      ...["google", "facebook", "twitter", "github"].flatMap((provider) =>
        ["Id", "Email", "DisplayName", "PhotoUrl"].map((field) => provider + field),
      ),
      ...["createdAt", "lastSignedInAt", "phoneNumber", "disabled", "customAttributes"],
    ],
    sign: { column: "emailVerified", values: ["true", "false"] },
    subject: ["localId"],
    claims: (row) => ({ ...row, ...parsed(row.customAttributes), sub: row.localId }),
    name: ["displayName"],
    avatar: ["photoUrl"],
  },

  // The table auth.users as CSV or JSON, or the user list of the admin API.
  // https://supabase.com/docs/guides/auth/managing-user-data
  supabase: {
    subject: ["id"],
    claims: (row) => ({
      ...row,
      sub: row.id,
      user_metadata: parsed(row.raw_user_meta_data ?? row.user_metadata),
      app_metadata: parsed(row.raw_app_meta_data ?? row.app_metadata),
    }),
    name: ["user_metadata.full_name", "user_metadata.name"],
    avatar: ["user_metadata.avatar_url", "user_metadata.picture"],
  },
};

function joined(...parts: readonly unknown[]): string {
  return parts.filter((part) => typeof part === "string" && part !== "").join(" ");
}

/** Reads a column with an object, or with an object as JSON text. Any other value counts as an empty object. */
function parsed(value: unknown): Row {
  if (isObject(value)) return value;
  try {
    const object: unknown = typeof value === "string" ? JSON.parse(value) : undefined;
    return isObject(object) ? object : {};
  } catch {
    return {};
  }
}

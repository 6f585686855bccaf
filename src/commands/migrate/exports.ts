import { isObject } from "../../shape.ts";

type Row = Readonly<Record<string, unknown>>;

/** What an identity provider's own export of its users looks like. */
export interface Export {
  /** Of a CSV without a header: what its columns are. */
  readonly columns?: readonly string[];
  /** Of a CSV: whether each text begins with an apostrophe, which keeps spreadsheets from taking it for a formula. */
  readonly apostrophes?: boolean;
  /** Columns of which a CSV has one, since the subject is in it. */
  readonly subject: readonly string[];
  /** The row as a session's claims would have it: for the profile, for `--map`, and for placement by claim. */
  readonly claims: (row: Row) => Row;
  /** Dotted paths in these claims, of which the first counts that holds something. */
  readonly name: readonly string[];
  readonly avatar: readonly string[];
}

export const exports: Readonly<Record<string, Export>> = {
  // NDJSON, or a CSV of the fields asked for, whose columns the dashboard's export calls by names of their own.
  // https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
  auth0: {
    apostrophes: true,
    subject: ["user_id", "Id"],
    claims: (row) => ({ ...row, sub: row.user_id ?? row.Id }),
    name: ["name", "Name", "nickname", "Nickname"],
    avatar: ["picture", "Picture"],
  },

  // The dashboard's CSV; JSON of the CLI or the Backend API has the picture besides.
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
    subject: ["localId"],
    claims: (row) => ({ ...row, ...parsed(row.customAttributes), sub: row.localId }),
    name: ["displayName"],
    avatar: ["photoUrl"],
  },

  // The table auth.users as CSV or JSON, or the answer of the admin API's list of users.
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

/** A column that holds an object as JSON text, or the object itself. What is neither holds nothing. */
function parsed(value: unknown): Row {
  if (isObject(value)) return value;
  try {
    const object: unknown = typeof value === "string" ? JSON.parse(value) : undefined;
    return isObject(object) ? object : {};
  } catch {
    return {};
  }
}

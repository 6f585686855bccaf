import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { withSecret } from "../../src/commands/setup/devvars.ts";
import { edit } from "../../src/commands/setup/toml.ts";

const plain = (text: string) => JSON.parse(JSON.stringify(parse(text)));

describe("an edit of a table in a TOML file", () => {
  const app = ["vars", "COMETCHAT_APPS", "main"];
  const rows: readonly (readonly [string, before: string, after: string])[] = [
    [
      "an existing key, followed by a comment",
      '[vars.COMETCHAT_APPS.main]\nappId = "a" # ours\n# region\nregion = "us"\n',
      '[vars.COMETCHAT_APPS.main]\nappId = "b" # ours\n# region\nregion = "us"\n',
    ],
    [
      "a new key, above a comment of what follows",
      '[vars.COMETCHAT_APPS.main]\nregion = "us"\n\n# off\n# [vars.TOKENS]\n',
      '[vars.COMETCHAT_APPS.main]\nappId = "b"\nregion = "us"\n\n# off\n# [vars.TOKENS]\n',
    ],
    [
      "a header with blanks, quotes and a comment",
      '  [ vars . "COMETCHAT_APPS" . main ] # ours\nregion = "us"\n',
      '  [ vars . "COMETCHAT_APPS" . main ] # ours\nappId = "b"\nregion = "us"\n',
    ],
    [
      "a text that looks like a header",
      'note = """\n[vars.COMETCHAT_APPS.main]\n"""\n[vars.COMETCHAT_APPS.main]\nappId = "a"\n',
      'note = """\n[vars.COMETCHAT_APPS.main]\n"""\n[vars.COMETCHAT_APPS.main]\nappId = "b"\n',
    ],
    [
      "a comment that looks like a header",
      '# [vars.COMETCHAT_APPS.main]\nname = "g"\n',
      '# [vars.COMETCHAT_APPS.main]\nname = "g"\n\n[vars.COMETCHAT_APPS.main]\nappId = "b"\n',
    ],
    [
      "a key that is there already, with that value",
      '[vars.COMETCHAT_APPS.main]\nappId="b"\n',
      '[vars.COMETCHAT_APPS.main]\nappId="b"\n',
    ],
    [
      "Windows' line ends",
      '[vars.COMETCHAT_APPS.main]\r\nregion = "us"\r\n',
      '[vars.COMETCHAT_APPS.main]\r\nappId = "b"\r\nregion = "us"\r\n',
    ],
    [
      "no line end at the end",
      '[vars.COMETCHAT_APPS.main]\nregion = "us"',
      '[vars.COMETCHAT_APPS.main]\nappId = "b"\nregion = "us"',
    ],
  ];
  it.each(rows)("changes that table and nothing else: %s", (_, before, after) => {
    expect(edit(before, app, { appId: "b" })).toBe(after);
  });

  const notations: readonly (readonly [string, before: string])[] = [
    ["dotted keys", 'vars.COMETCHAT_APPS.main.appId = "a"\nvars.COMETCHAT_APPS.main.region = "us"\n'],
    ["an inline table", '[vars]\nCOMETCHAT_APPS = { main = { appId = "a", region = "us" } }\n'],
    ["an inline table without the key", '[vars]\nCOMETCHAT_APPS = { main = { region = "us" } }\n'],
    ["a new header in a text, and no other", 'note = """\n[vars.COMETCHAT_APPS.main]\n"""\n'],
  ];
  it.each(notations)("leads to the right values in another notation: %s", (_, before) => {
    const { vars, ...others } = plain(before);
    const main = { ...vars?.COMETCHAT_APPS.main, appId: "b" };
    expect(plain(edit(before, app, { appId: "b" }))).toEqual({ ...others, vars: { COMETCHAT_APPS: { main } } });
  });

  it("changes one table of a list, and can remove keys", () => {
    const before =
      '[[vars.SESSION_ISSUERS]]\nissuer = "a"\n\n# second\n[[vars.SESSION_ISSUERS]]\nissuer = "b"\nsecret = "S"\n[vars.TOKENS]\nttl = 5\n';
    const after = edit(before, ["vars", "SESSION_ISSUERS", 1], { preset: "auth0", issuer: "c", secret: undefined });
    expect(after).toBe(
      '[[vars.SESSION_ISSUERS]]\nissuer = "a"\n\n# second\n[[vars.SESSION_ISSUERS]]\npreset = "auth0"\nissuer = "c"\n[vars.TOKENS]\nttl = 5\n',
    );
  });

  it("writes any characters so that they are read again", () => {
    const value = 'quote " back \\ line\nend \u00e9 \u{1f600} \u0001';
    expect(plain(edit("", ["vars"], { A: [value] }))).toEqual({ vars: { A: [value] } });
  });
});

describe("a secret in .dev.vars", () => {
  const rows: readonly (readonly [string, before: string, value: string, after: string])[] = [
    ["in a new file", "", "abc", "KEY=abc\n"],
    ["after other lines", "# mine\nA=1", "abc", "# mine\nA=1\nKEY=abc\n"],
    ["instead of another value", 'A=1\nKEY="old" # ours\nB=2\n', "abc", "A=1\nKEY=abc # ours\nB=2\n"],
    ["instead of a value over several lines", "KEY='a\nb'\nB=2\n", "abc", "KEY=abc\nB=2\n"],
    ["instead of an empty value", "KEY=\nB=2\n", "abc", "KEY=abc\nB=2\n"],
    ["next to names that begin or end alike", "MY_KEY=1\nKEY_2=2\n", "abc", "MY_KEY=1\nKEY_2=2\nKEY=abc\n"],
    ["next to one in a comment", "# KEY=1\n", "abc", "# KEY=1\nKEY=abc\n"],
    ["with characters that have a meaning", "", "a#b $c", "KEY='a#b $c'\n"],
    ["with a quote", "", "a'b#", "KEY=`a'b#`\n"],
    ["with dollars, instead of another value", "KEY=1\n", "$& $1 $$", "KEY='$& $1 $$'\n"],
  ];
  it.each(rows)("is written %s", (_, before, value, after) => {
    expect(withSecret(before, "KEY", value)).toBe(after);
  });

  it("is not written if no quotation marks fit", () => {
    expect(() => withSecret("", "KEY", "a'b`c\"d")).toThrow(/by hand/);
  });
});

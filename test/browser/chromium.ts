import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

const CACHE = resolve(import.meta.dirname, "../../.cache");

/**
 * Starts a headless Chromium. On Linux on x64 it is the one that `npm ci` installs, and elsewhere an installed Chrome.
 * CHROME_PATH names another one. The flags that the package suggests are not used: they switch web security off, and
 * then no assertion about CORS would show anything.
 */
export async function launch(args: string[] = []): Promise<Browser> {
  const { CHROME_PATH } = process.env;
  const flags = { args: ["--no-sandbox", "--no-zygote", ...args], headless: true };
  if (CHROME_PATH) return chromium.launch({ ...flags, executablePath: CHROME_PATH });
  if (process.platform === "linux" && process.arch === "x64")
    return chromium.launch({ ...flags, ...(await bundled()) });
  return chromium.launch({ ...flags, channel: "chrome" }).catch((cause) => {
    const platform = `${process.platform}-${process.arch}`;
    throw new Error(
      `The browser tests found no Chrome on ${platform}. Name one: CHROME_PATH=/path/to/chrome npm test`,
      {
        cause,
      },
    );
  });
}

/** The options for the package's Chromium. It is unpacked once for each version, with its libraries and fonts. */
async function bundled(): Promise<LaunchOptions> {
  const root = resolve(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..");
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const home = join(CACHE, `chromium-${version}`);
  if (!existsSync(home)) await unpack(join(root, "bin"), home);
  return {
    executablePath: join(home, "chromium"),
    // Libraries such as libnss3, and a font, which some machines do not have. Only the browser uses them.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(home, "al2023/lib"),
      FONTCONFIG_FILE: join(home, "fonts.conf"),
    },
  };
}

/** The system's fonts and the package's own. The renderer crashes if it finds no font at all. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="relative">fonts-cache</cachedir>
</fontconfig>
`;

/** Unpacks into a temporary folder and then renames it, so that an interrupted run leaves no incomplete browser. */
async function unpack(archives: string, home: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(`${home}-`);
  // `inflate` writes into TMPDIR and has no parameter for the folder.
  const { TMPDIR } = process.env;
  process.env.TMPDIR = partial;
  try {
    const names = ["chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br"];
    await Promise.all(names.map((name) => inflate(join(archives, name))));
    await writeFile(join(partial, "fonts.conf"), FONTS);
    await rename(partial, home);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process may have unpacked it at the same time.
    if (!existsSync(home)) throw error;
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
}

export interface Settings {
  appId: string;
  region: "us" | "eu" | "in";
  gateway: string;
  issuer: string;
  /** Another one each time that the sandbox is started: what a browser remembers of an earlier run is worth nothing. */
  run: string;
}

/** The gateway's address, once it is there: this page is up before it. */
export async function settled(): Promise<Settings> {
  for (;;) {
    const settings = (await (await fetch("/settings.json")).json()) as Settings;
    if (settings.gateway) return settings;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

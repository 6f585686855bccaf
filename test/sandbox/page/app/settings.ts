export interface Settings {
  appId: string;
  region: "us" | "eu" | "in";
  gateway: string;
  issuer: string;
  /** An id of this run of the sandbox. By it, the page recognizes that its local storage is from an earlier run. */
  run: string;
}

/** Waits until the settings have the gateway's address. The sandbox serves this page before the gateway is ready. */
export async function settled(): Promise<Settings> {
  for (;;) {
    const settings = (await (await fetch("/settings.json")).json()) as Settings;
    if (settings.gateway) return settings;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

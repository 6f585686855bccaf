import type { ComponentType } from "react";
import type { Settings } from "./settings.ts";

/** What of CometChat's the page signs in to: its UI Kit, or its SDK alone. */
export interface Product {
  /** The line that logs in, as an application has it. */
  call: string;
  start: (settings: Settings) => Promise<unknown>;
  login: (authToken: string) => Promise<unknown>;
  logout: () => Promise<unknown>;
  View: ComponentType<{ uid: string }>;
}

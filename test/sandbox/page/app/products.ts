import type { ComponentType } from "react";
import type { Settings } from "./settings.ts";

/** The CometChat library that the page signs in to: the UI Kit, or the SDK alone. */
export interface Product {
  /** The line of code with which an application logs in. The page shows it. */
  call: string;
  start: (settings: Settings) => Promise<unknown>;
  login: (authToken: string) => Promise<unknown>;
  logout: () => Promise<unknown>;
  View: ComponentType<{ uid: string }>;
}

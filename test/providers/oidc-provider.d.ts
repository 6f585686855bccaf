/** The types of the parts of oidc-provider that the tests use. The package itself has none. */
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    callback(): RequestListener;
    on(event: string, listener: (...details: never[]) => void): this;
  }
}

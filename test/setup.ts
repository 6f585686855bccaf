import { reset } from "cloudflare:test";
import { afterEach } from "vitest";

// KV, Durable Objects and rate-limit counters outlive a test otherwise: the next one begins with empty stores.
afterEach(reset);

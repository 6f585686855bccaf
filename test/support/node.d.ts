/** The types of the one part of Node's API that tests in workerd use. */
declare module "node:async_hooks" {
  export class AsyncLocalStorage<Value> {
    run<Result>(value: Value, work: () => Result): Result;
    getStore(): Value | undefined;
  }
}

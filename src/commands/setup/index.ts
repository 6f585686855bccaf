import { setup } from "./command.ts";

process.exitCode = await setup(process.argv.slice(2), process);

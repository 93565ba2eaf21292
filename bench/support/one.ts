// Runs the one bench that is named: the process that bench/run.ts gives each of them.
const [, , name] = process.argv;
const { run } = (await import(`../${name}.ts`)) as { run: () => void | Promise<void> };
await run();

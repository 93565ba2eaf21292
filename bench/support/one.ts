// Runs one bench by name: the process that bench/run.ts starts for each. Options are numbers (`seeds=5`), explained in
// the bench.
const [, , name, ...options] = process.argv;
const { run } = (await import(`../${name}.ts`)) as {
  run: (options: Record<string, number>) => void | Promise<void>;
};
await run(Object.fromEntries(options.map(numberOf)));

function numberOf(option: string): [string, number] {
  const [key = '', value = ''] = option.split('=');
  if (value === '' || !(Number(value) > 0)) throw new Error(`${option}: the value must be a number above 0`);
  return [key, Number(value)];
}

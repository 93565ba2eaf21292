// Runs the one bench that is named: the process that bench/run.ts gives each of them. Options are numbers
// (`seeds=5`); what they mean is said where the bench is.
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

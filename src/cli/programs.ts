/** The programs that `gatewayd NAME` runs in the place of the daemon; each reads its own arguments. */
const programs = {
  init: () => import('./init.ts'),
  quickstart: () => import('./quickstart.ts'),
  sql: () => import('./sql.ts'),
} as const;

export const programNames = Object.keys(programs);

/** Takes the name out of the arguments, so that its program finds its own behind it. Null: they name none. */
export function takeProgram(argv: string[]): (() => Promise<unknown>) | null {
  const name = argv[2] ?? '';
  if (!isProgram(name)) return null;
  argv.splice(2, 1);
  return programs[name];
}

const isProgram = (name: string): name is keyof typeof programs => Object.hasOwn(programs, name);

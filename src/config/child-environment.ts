/** For programs that we start: our environment without our settings, among which are keys and passwords. */
export const childEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TOKLIGENCE_')));

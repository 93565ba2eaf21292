/** The file read again while the gateway runs: all that can act at once does, of the rest it is said that it cannot. */
import type { Config } from './config/config.ts';
import { ConfigFaults, describeFault, type GivenTexts, type LoadedConfig } from './config/config-loader.ts';
import { needsRestart } from './config/restart.ts';
import type { Events } from './telemetry/events.ts';

export interface ReloadParts {
  /** Throws ConfigFaults. */
  readonly read: () => LoadedConfig;
  /** The texts with which the gateway was started. */
  readonly started: GivenTexts;
  /** Throws ConfigFaults where the file does not fit to what is stored, and then has changed nothing. */
  readonly apply: (config: Config) => void | Promise<void>;
  readonly events: Pick<Events, 'info' | 'warn' | 'error'>;
}

export const reload = async ({ read, started, apply, events }: ReloadParts): Promise<void> => {
  try {
    const { config, warnings, given } = read();
    await apply(config);
    for (const warning of warnings) events.warn(warning);
    events.info('The configuration is read again: pools, tenants, providers, models and [scheduler] are as it says');
    const pending = needsRestart(started, given);
    if (pending.length > 0)
      events.warn(`Changed in the configuration, but only a restart takes it: ${pending.join(', ')}`);
  } catch (error) {
    events.error('The configuration is not taken, all stays as it was; what is wrong with it:');
    if (error instanceof ConfigFaults) for (const fault of error.faults) events.error(describeFault(fault));
    else events.error('It could not be read', error);
  }
};

/** The commands of `gateway`, and the end of its run. */
import { Command, CommanderError, Option } from 'commander';
import { version } from '../../config/version.ts';
import { completionCommand } from './completion.ts';
import { daemonCommands } from './daemon-commands.ts';
import { CliFault, type ExitCode, exitCodes, exitCodesHelp } from './exit.ts';
import { fleetCommand } from './fleet.ts';
import { keyCommands } from './keys.ts';
import { mappingCommands } from './mappings/mappings.ts';
import { jsonText, type Streams } from './output.ts';
import { providerCommands } from './providers/providers.ts';
import { routeCommands } from './providers/routes.ts';
import { sessions, wholeNumber } from './session.ts';
import { targetHelp } from './target.ts';
import { topCommand } from './top/top.ts';
import { userCommands } from './users.ts';

/** Runs one command line; resolves to the exit code. Never rejects. */
export async function runGatewayCommand(args: readonly string[], streams: Streams): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  try {
    const program = gatewayProgram(streams, ending => {
      code = ending;
    });
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return tell(error, streams, args.includes('--json'));
  }
}

function gatewayProgram(streams: Streams, endWith: (code: ExitCode) => void): Command {
  const program = new Command('gateway')
    .description('Operates a running Tokligence Gateway: who gets which priority, keys, users, live lanes.')
    .version(version, '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .option('--server <url>', 'the gateway')
    .option('--key-file <file>', 'a file with an admin key, or - for standard input')
    .option('--key <key>', 'an admin key; everybody who may run ps sees it, so rather use a file or the environment')
    .option('--json', 'answer as JSON; faults as JSON on standard error')
    .addOption(
      new Option('--timeout <seconds>', 'how long to wait for an answer').argParser(wholeNumber(1, 3_600)).default(30),
    )
    .addHelpText('after', `\n${targetHelp}\n\n${exitCodesHelp}`)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: text => void streams.stdout.write(text),
      // `tell` reports each fault once.
      writeErr: () => {},
      getOutHelpWidth: () => streams.stdout.columns ?? 100,
      getErrHelpWidth: () => streams.stderr.columns ?? 100,
    })
    .exitOverride();
  const sessionOf = sessions(streams, endWith);
  mappingCommands(program, sessionOf);
  keyCommands(program, sessionOf);
  userCommands(program, sessionOf);
  daemonCommands(program, sessionOf);
  providerCommands(program, sessionOf);
  routeCommands(program, sessionOf);
  fleetCommand(program, sessionOf);
  topCommand(program, sessionOf);
  completionCommand(program, sessionOf);
  return program;
}

function tell(error: unknown, { stderr }: Streams, json: boolean): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  const { code, message, detail } = described(error);
  if (json) stderr.write(jsonText({ error: { message, ...detail }, exit_code: code }));
  else stderr.write(`gateway: ${message}\n`);
  return code;
}

function described(error: unknown): { code: ExitCode; message: string; detail: object } {
  if (error instanceof CliFault) return { code: error.exitCode, message: error.message, detail: error.detail };
  if (error instanceof CommanderError) {
    // A command without a required subcommand.
    const message = error.code === 'commander.help' ? 'give a command' : shownFault(error.message);
    return { code: exitCodes.usage, message: `${message} (--help tells more)`, detail: { code: 'usage' } };
  }
  return { code: exitCodes.failed, message: error instanceof Error ? error.message : String(error), detail: {} };
}

/** Of an option that there is not, its value may be a key. */
const shownFault = (message: string): string =>
  message.replace(/^error: /, '').replace(/^(unknown option '--?[\w-]+)=.*'/s, "$1'");

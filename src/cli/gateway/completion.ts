/** Generates completion scripts from the commands themselves. */
import { Argument, type Command, type Option } from 'commander';
import type { SessionOf } from './session.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const usage = `
To have it from now on in every shell:
  bash   echo 'source <(gateway completion bash)' >> ~/.bashrc
  zsh    echo 'source <(gateway completion zsh)' >> ~/.zshrc       (after compinit)
  fish   gateway completion fish > ~/.config/fish/completions/gateway.fish`;

export function completionCommand(program: Command, sessionOf: SessionOf): void {
  program
    .command('completion')
    .description('a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText('after', usage)
    .action((shell: Shell, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const script = scripts[shell](commandsOf(program));
      session.show({ shell, script }, () => script);
    });
}

/** One command, by its path: '' is `gateway` itself, 'mappings list' a command below it. */
interface Completed {
  readonly path: string;
  readonly about: string;
  readonly subcommands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly CompletedOption[];
  /** The values of its argument, if they are a short list. */
  readonly choices: readonly string[];
}

interface CompletedOption {
  readonly flags: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
  readonly isFile: boolean;
  readonly choices: readonly string[];
}

function commandsOf(program: Command): Completed[] {
  const walk = (command: Command, path: string, inherited: readonly Option[]): Completed[] => {
    const all = [...command.options, ...inherited];
    const completed = {
      path,
      about: command.description(),
      subcommands: command.commands.map(one => ({ name: one.name(), about: one.description() })),
      options: [...all.map(completedOption), help],
      choices: command.registeredArguments.flatMap(argument => argument.argChoices ?? []),
    };
    const below = command.commands.flatMap(one => walk(one, `${path} ${one.name()}`.trim(), all));
    return [completed, ...below];
  };
  return walk(program, '', []);
}

const help: CompletedOption = {
  flags: ['-h', '--help'],
  about: 'show help',
  takesValue: false,
  isFile: false,
  choices: [],
};

const completedOption = (option: Option): CompletedOption => ({
  flags: [option.short, option.long].filter(flag => flag != null),
  about: option.description,
  takesValue: option.required || option.optional,
  isFile: /<file>/.test(option.flags),
  choices: option.argChoices ?? [],
});

/** Quotes a text in single quotes, which all shells read alike. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const valueOptions = (commands: readonly Completed[]): CompletedOption[] => {
  const options = commands.flatMap(command => command.options).filter(({ takesValue }) => takesValue);
  return [...new Map(options.map(option => [option.flags.join(), option])).values()];
};
/** The flags that take the next word as their value. */
const skippingOf = (commands: readonly Completed[]): string[] => valueOptions(commands).flatMap(({ flags }) => flags);

/** Shared by bash and zsh: finds the command among the words before the cursor, then offers what fits it. */
function bash(commands: readonly Completed[]): string {
  const paths = commands.map(({ path }) => path).filter(path => path !== '');
  const skipping = skippingOf(commands);
  return `# Completes the commands of Tokligence Gateway.
_gateway_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$cur"))
}
_gateway() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' flags='' skip='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [ -n "$skip" ]; then skip=''; continue; fi
    case "$word" in
    ${skipping.join('|')}) skip=1; continue ;;
    -*) continue ;;
    esac
    case "\${path:+$path }$word" in
    ${paths.map(quoted).join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$prev" in
${bashValues(commands).join('\n')}
    ${skipping.join('|')}) return ;;
  esac
  case "$path" in
${commands.map(bashWords).join('\n')}
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); else _gateway_files; fi ;;
  esac
}
complete -F _gateway gateway
`;
}

/** The words that may follow the command. */
function bashWords({ path, subcommands, choices, options }: Completed): string {
  const words = [...subcommands.map(({ name }) => name), ...choices];
  const flags = options.flatMap(option => option.flags);
  return `    ${quoted(path)}) words=${quoted(words.join(' '))}; flags=${quoted(flags.join(' '))} ;;`;
}

/** The values of the options that have a list of them, or are files. */
const bashValues = (commands: readonly Completed[]): string[] =>
  valueOptions(commands)
    .filter(({ choices, isFile }) => choices.length > 0 || isFile)
    .map(({ flags, choices, isFile }) => {
      const reply = isFile ? '_gateway_files' : `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$cur"))`;
      return `    ${flags.join('|')}) ${reply}; return ;;`;
    });

/** zsh runs the completion of bash, through its own emulation of it. */
const zsh = (commands: readonly Completed[]): string => `#compdef gateway
autoload -Uz compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
${bash(commands)}`;

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(command => {
    const here = `-n ${quoted(`__gateway_at ${quoted(command.path)}`)}`;
    return [
      ...command.subcommands.map(
        ({ name, about }) => `complete -c gateway -f ${here} -a ${quoted(name)} -d ${quoted(about)}`,
      ),
      ...command.choices.map(choice => `complete -c gateway -f ${here} -a ${quoted(choice)}`),
      ...command.options.map(option => fishOption(option, here)),
    ];
  });
  const paths = commands.map(({ path }) => quoted(path)).join(' ');
  const skipping = skippingOf(commands);
  return `# Completes the commands of Tokligence Gateway.
function __gateway_at
    set -l path ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        if contains -- $word ${skipping.join(' ')}
            set skip 1
            continue
        end
        set -l next (string trim -- "$path $word")
        if contains -- "$next" ${paths}
            set path $next
        end
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function fishOption({ flags, about, takesValue, isFile, choices }: CompletedOption, here: string): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  const value = !takesValue ? '' : isFile ? ' -r -F' : ' -x';
  const from = choices.length > 0 ? ` -a ${quoted(choices.join(' '))}` : '';
  return `complete -c gateway ${here} ${names}${value}${from} -d ${quoted(about)}`;
}

const scripts: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = { bash, zsh, fish };
